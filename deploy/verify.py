"""Run every check of the project and end with a plain summary: what `make test` calls, inside .venv.

    python deploy/verify.py [style] [types] [migrations] [vitest] [python] [postgres] [browser]

Without words all of them run, and a failing one does not keep the others from running.
Exit status 0 means that nothing failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent))
from bootstrap import FRONTEND, ROOT, build_frontend, npm_command, say
from services import find_browser, install_browser, postgres_server

# "Found 3 errors", "12 passed in 3.4s", "Tests 5 failed | 127 passed", "303 files already formatted"
COUNTED: Final = re.compile(r"\b\d+ (error|passed|failed|file)|no issues found")
# A file stays with one worker: some share a whole running instance among their tests.
TWO_AT_A_TIME: Final = ["-n", "2", "--dist", "loadfile"]
# Two processes with a thread for each core each wait for one another: twice as slow as one thread each.
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
NO_TESTS: Final = 5  # pytest's exit status when nothing was selected
PYTEST: Final = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]


@dataclass(frozen=True)
class Outcome:
    """How one step ended: `state` is passed, failed or skipped; `words` says more in a few words."""

    name: str
    state: str
    words: str
    seconds: float


class Skipped(Exception):
    """The step cannot run on this machine; the message says why."""


class Failed(Exception):
    """The step failed; the message says what in a few words."""


def command(
    *words: str | Path, cwd: Path = ROOT, environ: dict[str, str] | None = None, also_good: tuple[int, ...] = ()
) -> str:
    """Run a command, showing its output; return the line that sums it up. Raises Failed with that line."""
    lines: deque[str] = deque(maxlen=40)
    with subprocess.Popen(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line.strip("= \n"))
    if process.returncode not in (0, *also_good):
        raise Failed(verdict(lines) or f"status {process.returncode}")
    return verdict(lines)


def verdict(lines: Iterable[str]) -> str:
    """Return the last line that counts what passed or failed; if there is none, the last that says anything."""
    said = [line for line in lines if line]
    counted = [line for line in said if COUNTED.search(line)]
    return " ".join((counted or said or [""])[-1].split())


def npm(script: str) -> str:
    """Run a script of frontend/package.json."""
    words, environ = npm_command("run", "--silent", script)
    return command(*words, cwd=FRONTEND, environ=environ)


def style() -> str:
    """Run ruff's linter and its formatter."""
    command(sys.executable, "-m", "ruff", "check", ".")
    return command(sys.executable, "-m", "ruff", "format", "--check", ".")


def types() -> str:
    """Run mypy (strict) and the TypeScript compiler."""
    last = command(sys.executable, "-m", "mypy", ".")
    npm("types")
    return last


def migrations() -> str:
    """See that the models match their migrations and that Django finds no fault with the settings."""
    with scratch_var() as environ:
        command(sys.executable, "manage.py", "check", environ=environ)
        return command(sys.executable, "manage.py", "makemigrations", "--check", "--dry-run", environ=environ)


def vitest() -> str:
    """Run the browser side's tests in Node."""
    return npm("test")


def python() -> str:
    """Run the Python tests on SQLite, all but those that need a browser or PostgreSQL."""
    return command(*PYTEST, *TWO_AT_A_TIME, "-m", "not e2e and not postgres", environ=ONE_THREAD)


def postgres() -> str:
    """Run the tests of constraints, services and races on PostgreSQL."""
    with postgres_server() as (url, reason):
        if url is None:
            raise Skipped(reason)
        environ = {"DATABASE_URL": f"{url}/burnish_verify_{os.getpid()}"}
        shared = command(*PYTEST, "-m", "not slow", *POSTGRES_TESTS, environ=environ)
        # Those of the folders above have run.
        rest = [f"--ignore={folder}" for folder in POSTGRES_TESTS]
        own = command(*PYTEST, "-m", "postgres", "tests/labeling", *rest, environ=environ, also_good=(NO_TESTS,))
        return f"{shared}; elsewhere: {own}"


POSTGRES_TESTS: Final = ("tests/labeling/models", "tests/labeling/services")


def browser() -> str:
    """Run the tests that drive a real Chromium over the built pages."""
    build_frontend()
    found = find_browser() or install_browser(say)
    if found is None:
        raise Failed("no browser: install chromium, then run `make e2e`")
    return command(*PYTEST, "-m", "e2e", "tests/e2e", environ={"CHROMIUM": found})


@contextmanager
def scratch_var() -> Iterator[dict[str, str]]:
    """Yield an environment whose data folder is empty and goes away."""
    with tempfile.TemporaryDirectory(prefix="burnish-verify-") as folder:
        yield {"BURNISH_VAR": folder}


STEPS: Final[dict[str, Callable[[], str]]] = {
    "style": style,
    "types": types,
    "migrations": migrations,
    "vitest": vitest,
    "python": python,
    "postgres": postgres,
    "browser": browser,
}


def run_step(name: str) -> Outcome:
    """Run one step and say how it ended."""
    say(f"\n=== {name}: {(STEPS[name].__doc__ or '').strip()}")
    begun = time.monotonic()
    try:
        state, words = "passed", STEPS[name]()
    except Failed as error:
        state, words = "FAILED", str(error)
    except Skipped as error:
        state, words = "skipped", str(error)
    return Outcome(name, state, words, time.monotonic() - begun)


def main(names: list[str]) -> int:
    """Run the named steps, or all; print the summary; return 0 if nothing failed."""
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        say(__doc__ or "")
        return 2
    outcomes = [run_step(name) for name in names or STEPS]
    say("\n=== summary")
    for each in outcomes:
        say(f"{each.name:11} {each.state:8} {each.seconds:6.0f} s  {each.words}")
    failed = [each.name for each in outcomes if each.state == "FAILED"]
    say(f"FAILED: {', '.join(failed)}" if failed else "Everything that ran passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
