"""A whole running Burnish for tests: the supervisor with all its parts, in a folder of its own."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

from labeling.runtime import runtime_dir
from labeling.supervision.state import read_note

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 90.0
PAUSE_S = 0.05

# A dead worker is noticed within two seconds instead of thirty.
QUICK_JOBS = {
    "JOB_BEAT_S": "0.3",
    "JOB_DEAD_S": "2",
    "JOB_UNTAKEN_S": "2",
    "REAP_EVERY_S": "0.5",
}


def wait_until(condition: Callable[[], T | None], what: str, *, patience_s: float = PATIENCE_S) -> T:
    """Ask again and again until the condition holds; return what it returned."""
    pause = threading.Event()
    for _ in range(int(patience_s / PAUSE_S)):
        found = condition()
        if found:
            return found
        pause.wait(PAUSE_S)
    raise AssertionError(f"waited {patience_s:.0f} s in vain: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Instance:
    """`manage.py start` in a subprocess; use as a context manager."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.var = folder / "var"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BURNISH_", "REDIS_"))}
        self.environ = inherited | {
            "BURNISH_VAR": str(self.var),
            "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "labeling.settings.base",
            "SIGN_IN_RATE": "1000/min",
            **environ,
        }
        self._log = folder / "start.log"

    def __enter__(self) -> Instance:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "start", "--migrate"],
                cwd=ROOT, env=self.environ, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            wait_until(self.answers, f"no answer from {self.address}:\n{self._log.read_text()}")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"manage.py start ended with {self.process.returncode}:\n{self._log.read_text()}")
        try:
            with urllib.request.urlopen(f"{self.address}/api/v1/session", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError, http.client.HTTPException):
            return False

    def manage(self, *words: str, **environ: str) -> str:
        """Run a management command on this instance's data; return what it printed."""
        result = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.environ | environ, capture_output=True, text=True,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        return result.stdout

    def processes(self, part: str) -> list[psutil.Process]:
        """The processes that do a part's work (its wrapper stays alive to bring it back)."""
        note = read_note(runtime_dir(self.var))
        try:
            return psutil.Process(note.parts[part]).children(recursive=True) if note and part in note.parts else []
        except psutil.NoSuchProcess:
            return []

    def kill(self, part: str) -> None:
        """SIGKILL everything a part consists of, and wait until it is gone."""
        victims = wait_until(lambda: self.processes(part), f"{part} is not running")
        for victim in victims:
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                pass
        psutil.wait_procs(victims, timeout=20)


class WebInstance(Instance):
    """The web server alone, for tests of pages that need no work done: no torch is loaded for it."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        super().__init__(folder, REDIS_URL=redis_url)

    def __enter__(self) -> WebInstance:
        self.manage("migrate", "--verbosity=0")
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "web"], cwd=ROOT, env=self.environ, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_until(self.answers, f"no answer from {self.address}:\n{self._log.read_text()}")
        except BaseException:
            self.stop()
            raise
        return self


class Visitor:
    """A person's program: keeps cookies, sends the CSRF token, speaks JSON."""

    def __init__(self, instance: Instance) -> None:
        self.address = instance.address
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def sign_in(self, username: str, password: str) -> None:
        self.get("session")
        status, body = self.send("POST", "session", {"username": username, "password": password})
        assert status == 200, body

    def get(self, path: str) -> Any:
        """The JSON at /api/v1/<path>; fails unless 200."""
        status, body = self.send("GET", path)
        assert status == 200, (path, status, body)
        return body

    def post(self, path: str, body: object | None = None, *, expect: int | None = None) -> Any:
        status, answer = self.send("POST", path, {} if body is None else body)
        assert status == expect or (expect is None and 200 <= status < 300), (path, status, answer)
        return answer

    def raw(self, path: str) -> bytes:
        with self._opener.open(f"{self.address}{path}", timeout=30) as response:
            data: bytes = response.read()
        return data

    def send(
        self, method: str, path: str, body: object | None = None, *, data: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON of a request; raises OSError when nobody answers."""
        token = next((cookie.value for cookie in self.jar if cookie.name == "burnish_csrf"), "") or ""
        kind = "application/octet-stream" if data is not None else "application/json"
        request = urllib.request.Request(
            f"{self.address}/api/v1/{path}",
            method=method,
            data=data if data is not None else None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": kind, "X-CSRFToken": token} | {k.replace("_", "-"): v for k, v in headers.items()},
        )
        try:
            with self._opener.open(request, timeout=30) as response:
                return response.status, _json(response.read())
        except urllib.error.HTTPError as error:
            return error.code, _json(error.read())

    def upload(self, project: int, name: str, content: bytes) -> str:
        """Send one file in one chunk; return the upload's id."""
        upload = self.post(f"projects/{project}/uploads", {"name": name, "size": len(content)})
        status, body = self.send("PATCH", f"uploads/{upload['id']}", data=content, Upload_Offset="0")
        assert (status, body["status"]) == (200, "complete"), body
        return str(upload["id"])


def _json(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data[:200]
