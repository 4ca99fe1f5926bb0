"""What some tests need from the machine: a browser, and a PostgreSQL. Standard library and psycopg only."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCAL_POSTGRES: Final = "postgresql://postgres@127.0.0.1:5432"
START_WITHIN_S: Final = 30.0


def find_browser() -> str | None:
    """Return a Chromium to drive: CHROMIUM, one on PATH, or the one Playwright downloaded."""
    given = os.environ.get("CHROMIUM")
    if given:
        return given
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return next((str(path) for path in sorted(cache.glob("chromium-*/chrome-linux*/chrome"))), None)


def install_browser(say: Callable[[str], None]) -> str | None:
    """Install Debian's chromium where we may; return its path, or None."""
    apt = shutil.which("apt-get")
    if apt is None or os.getuid() != 0:
        return None
    say("Installing chromium …")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "chromium"]):
        if subprocess.run([apt, *words], env=environ, check=False).returncode != 0:
            return None
    return find_browser()


@contextlib.contextmanager
def postgres_server() -> Iterator[tuple[str | None, str]]:
    """Yield the URL of a PostgreSQL without a database name, or None and the reason why there is none.

    TEST_POSTGRES_URL, else one that answers locally to the user postgres, else a private one
    in a temporary folder that goes away afterwards.
    """
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given.rstrip("/"), ""
    elif _answers(LOCAL_POSTGRES):
        yield LOCAL_POSTGRES, ""
    elif (binaries := _postgres_binaries()) is None:
        yield None, "no PostgreSQL on this machine: install it, or set TEST_POSTGRES_URL"
    elif (user := _ordinary_user()) is None:
        yield None, "PostgreSQL does not run as root, and there is no user postgres or nobody"
    else:
        with _private_postgres(binaries, user) as url:
            yield url, "" if url else "a private PostgreSQL did not start"


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(f"{url}/postgres", connect_timeout=3):
            return True
    except psycopg.Error:
        return False


def _postgres_binaries() -> Path | None:
    """Return the folder with initdb and postgres."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).resolve().parent
    # Debian keeps them off PATH.
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return packaged[-1].parent if packaged else None


def _ordinary_user() -> str | None:
    """Return the user to run PostgreSQL as: ourselves, unless we are root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid()).pw_name
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


@contextlib.contextmanager
def _private_postgres(binaries: Path, user: str) -> Iterator[str | None]:
    """Run a PostgreSQL of our own, without fsync, on a free local port."""
    with tempfile.TemporaryDirectory(prefix="burnish-pg-") as name:
        folder = Path(name)
        shutil.chown(folder, user)
        data, port = folder / "data", _free_port()
        identity = user if os.getuid() == 0 else None
        initdb: list[str | Path] = [binaries / "initdb", "-D", data]
        initdb += ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]
        made = subprocess.run(initdb, user=identity, cwd=folder, stdout=subprocess.DEVNULL, check=False)
        if made.returncode != 0:
            yield None
            return
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "full_page_writes=off"]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-p", str(port), "-k", folder, *options],
            user=identity,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"postgresql://postgres@127.0.0.1:{port}"
            yield url if _comes_up(url, server) else None
        finally:
            server.terminate()
            server.wait()


def _comes_up(url: str, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        if _answers(url):
            return True
        time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
