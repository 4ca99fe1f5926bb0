"""Where sockets live, and which Redis is found."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from labeling import runtime
from labeling.runtime import RuntimeFault


def test_the_socket_lies_in_the_var_folder_when_its_path_is_short(tmp_path: Path) -> None:
    var_dir = Path("/srv/burnish/var")
    assert runtime.redis_socket(var_dir) == var_dir / "run" / "redis.sock"


def test_a_long_path_gets_a_short_folder_of_its_own(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    found = runtime.runtime_dir(deep)
    assert len(str(found / runtime.SOCKET_NAME)) <= runtime.MAX_SOCKET_BYTES
    assert found == runtime.runtime_dir(deep)
    assert found != runtime.runtime_dir(deep / "other")


def test_a_socket_can_be_bound_in_the_runtime_folder_of_a_long_path(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    folder = runtime.ensure_runtime_dir(deep)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(runtime.redis_socket(deep)))
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        runtime.redis_socket(deep).unlink()
        folder.rmdir()


def test_a_runtime_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(runtime, "runtime_dir", lambda _var: tmp_path / "run")
        with pytest.raises(RuntimeFault, match="remove it"):
            runtime.ensure_runtime_dir(tmp_path)


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("unix:///run/redis.sock?db=3", "redis+socket:///run/redis.sock?virtual_host=3"),
        ("redis://host:6379/1", "redis://host:6379/1"),
        ("rediss://host:6379/1", "rediss://host:6379/1"),
    ],
)
def test_celery_spells_a_socket_its_own_way(url: str, broker: str) -> None:
    assert runtime.broker_url(url) == broker


def _executable(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_redis_on_path_comes_before_valkey(tmp_path: Path) -> None:
    valkey = _executable(tmp_path / "valkey-server")
    assert runtime.find_redis({"PATH": str(tmp_path)}) == valkey
    server = _executable(tmp_path / "redis-server")
    assert runtime.find_redis({"PATH": str(tmp_path)}) == server


def test_the_packaged_redis_is_taken_when_path_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = _executable(tmp_path / "packaged")
    monkeypatch.setattr(runtime, "packaged_redis", lambda: packaged)
    assert runtime.find_redis({"PATH": str(tmp_path / "empty")}) == packaged


def test_no_redis_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "packaged_redis", lambda: None)
    with pytest.raises(RuntimeFault, match="install redis-server") as caught:
        runtime.find_redis({"PATH": str(tmp_path)})
    assert "\n" not in str(caught.value)


def test_the_supervised_redis_writes_nothing_and_opens_no_port(tmp_path: Path) -> None:
    command = runtime.redis_command(Path("/usr/bin/redis-server"), tmp_path)
    pairs = dict(zip(command[1::2], command[2::2], strict=True))
    assert pairs["--port"] == "0"
    assert pairs["--save"] == ""
    assert pairs["--appendonly"] == "no"
