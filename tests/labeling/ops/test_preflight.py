"""Each thing that stops a start is said in one line that names the remedy."""

from __future__ import annotations

import errno
import http.server
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings

from labeling.jobs import QUEUES
from labeling.runtime import RuntimeFault
from labeling.supervision import preflight
from labeling.supervision.children import Part
from labeling.supervision.parts import Plan, plan_parts, training_threads


def fault(check: Callable[[], None]) -> str:
    """Return the one line of the fault that the check must raise."""
    with pytest.raises(RuntimeFault) as caught:
        check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_old_python_is_refused() -> None:
    assert "needs Python 3.11 or newer; this is 3.9" in fault(lambda: preflight.check_python((3, 9)))
    preflight.check_python((3, 14))


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preflight.check_disk(tmp_path / "var")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=100 * 2**20))
    assert "is full (100 MB left, 200 MB needed)" in fault(lambda: preflight.check_disk(tmp_path))


def test_a_var_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "Cannot write to" in fault(lambda: preflight.check_disk(tmp_path / "file" / "var"))


def test_a_port_in_use_is_refused_and_a_free_one_is_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = fault(lambda: preflight.check_port("127.0.0.1", port))
        assert f"Port {port} is in use on 127.0.0.1" in said and "set PORT" in said
        assert "is in use" in fault(lambda: preflight.check_port("0.0.0.0", port))
    preflight.check_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    assert "set HOST" in fault(lambda: preflight.check_port("192.0.2.1", 8000))


def test_a_port_that_needs_rights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert "above 1023" in fault(lambda: preflight.check_port("127.0.0.1", 80))


def test_a_redis_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    said = fault(lambda: preflight.check_redis(f"unix://{tmp_path}/none.sock"))
    assert "No Redis answers at REDIS_URL" in said
    assert "No Redis answers" in fault(lambda: preflight.check_redis("nonsense"))


def test_any_answer_of_the_web_server_counts() -> None:
    class Missing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Missing) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert preflight.answers_http("0.0.0.0", server.server_port, host_name="localhost")
        thread.join()
    assert not preflight.answers_http("127.0.0.1", server.server_port, host_name="localhost")


def test_the_parts_of_one_machine(tmp_path: Path) -> None:
    plan = Plan(
        manage_py=tmp_path / "manage.py",
        var_dir=tmp_path,
        host="127.0.0.1",
        port=8000,
        host_name="localhost",
        own_redis=True,
        cores=2,
    )
    parts = {part.name: part for part in plan_parts(plan)}
    assert list(parts) == ["redis", "web", "worker-interactive", "worker-gpu", "worker-default"]
    assert parts["redis"].serves_others
    assert parts["worker-interactive"].environ["OMP_NUM_THREADS"] == "1"
    assert parts["worker-gpu"].niceness == 10
    assert "--beat" in parts["worker-default"].command
    taken = [queue for part in parts.values() if "--queues" in part.command for queue in queues_of(part)]
    assert sorted(taken) == sorted(QUEUES)
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert routed | {settings.CELERY_TASK_DEFAULT_QUEUE} == set(QUEUES)


def queues_of(part: Part) -> list[str]:
    return part.command[part.command.index("--queues") + 1].split(",")


def test_training_leaves_a_core_to_people_where_there_is_one_to_leave() -> None:
    assert [training_threads(cores) for cores in (1, 2, 4, 16)] == [1, 1, 3, 15]
