"""`manage.py start` itself: what it says, whom it lets in, and that nothing of it stays."""

from __future__ import annotations

import functools
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labeling.supervision.marked import TOKEN_VARIABLE, find_marked
from labeling.supervision.state import read_note
from tests.instance import ROOT, Instance, free_port, wait_until

pytestmark = pytest.mark.slow
WITHIN_S = 30.0
# Reserved for documentation: no machine has it.
NOWHERE = "192.0.2.1"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """One that the local network may call."""
    with Instance(tmp_path_factory.mktemp("start"), HOST="0.0.0.0") as running:
        yield running


def refused(var: Path, *options: str, **environ: str) -> str:
    """Run `manage.py start`, which must fail; return the one line it says."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REDIS_")}
    settings = {"BURNISH_VAR": str(var), "DJANGO_SETTINGS_MODULE": "labeling.settings.base"}
    result = subprocess.run(
        [sys.executable, "manage.py", "start", *options],
        cwd=ROOT,
        env=inherited | settings | environ,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert result.returncode == 1
    (line,) = (result.stdout + result.stderr).splitlines()
    return line


def test_a_second_start_in_the_same_folder_names_the_first(instance: Instance) -> None:
    line = refused(instance.var, PORT=str(free_port()))
    assert f"already runs from this folder (process {instance.process.pid}, {instance.address}/)" in line


def test_a_port_in_use_is_one_clear_line(instance: Instance, tmp_path: Path) -> None:
    assert f"Port {instance.port} is in use" in refused(tmp_path / "var", PORT=str(instance.port))


def test_a_database_without_tables_is_one_clear_line(tmp_path: Path) -> None:
    assert "run `python manage.py migrate`" in refused(tmp_path / "var", PORT=str(free_port()))


def test_a_foreign_redis_that_is_away_is_one_clear_line(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    assert "No Redis answers at REDIS_URL" in refused(tmp_path / "var", PORT=str(free_port()), REDIS_URL=url)


def sign_in(instance: Instance, host: str, origin: str) -> tuple[int, str]:
    """Try to sign in as nobody under a host name, from a page of some origin; return status and code."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=WITHIN_S)
    headers = {"Host": f"{host}:{instance.port}"}
    connection.request("GET", "/api/v1/session", headers=headers)
    answer = connection.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    content = answer.read()
    if answer.status != 200:
        return answer.status, ""
    headers |= {"Origin": origin, "Cookie": cookie, "Content-Type": "application/json"}
    headers["X-CSRFToken"] = json.loads(content)["csrf_token"]
    body = json.dumps({"username": "nobody", "password": "wrong"})
    connection.request("POST", "/api/v1/session", body=body, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content)["code"] if content.startswith(b"{") else ""


def test_the_local_network_may_sign_in_from_our_own_pages_only(instance: Instance) -> None:
    names = json.loads(
        instance.manage(
            "shell",
            "-v0",
            "-c",
            "import json; from django.conf import settings; print(json.dumps(settings.ALLOWED_HOSTS))",
        )
    )
    own = [name for name in names if name not in {"localhost", "127.0.0.1", "[::1]"}]
    assert own, "HOST=0.0.0.0 adds this machine's names"
    for name in own:
        assert sign_in(instance, name, f"http://{name}:{instance.port}") == (400, "bad_credentials")
    assert sign_in(instance, own[0], "http://evil.example")[0] == 403
    assert sign_in(instance, "evil.example", "http://evil.example")[0] == 400


def test_sigterm_and_kill_9_leave_no_process_and_the_data_stay(tmp_path: Path) -> None:
    with Instance(tmp_path) as first:
        for name in ("redis", "web", "worker-interactive", "worker-gpu", "worker-default"):
            wait_until(functools.partial(first.processes, name), f"{name} is not running")
        family = psutil.Process(first.process.pid).children(recursive=True)
        first.manage("createsuperuser", "--noinput", "--username=ada", "--email=", DJANGO_SUPERUSER_PASSWORD="x")
        first.process.terminate()
        assert first.process.wait(10) == 0
        assert psutil.wait_procs(family, timeout=0)[1] == []
    with Instance(tmp_path) as second:
        family = psutil.Process(second.process.pid).children(recursive=True)
        note = read_note(second.var / "run")
        assert note is not None
        second.process.kill()
        second.process.wait()
        assert psutil.wait_procs(family, timeout=WITHIN_S)[1] == []
        assert find_marked({TOKEN_VARIABLE: note.token}) == []
        with Instance(tmp_path) as third:
            shown = third.manage(
                "shell", "-v0", "-c", "from django.contrib.auth.models import User; print(User.objects.get().username)"
            )
            assert shown.strip() == "ada"
