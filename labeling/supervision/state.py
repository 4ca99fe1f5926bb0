"""The supervisor's lock and its note of itself, so that the next start can clear up after it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from labeling.runtime import RuntimeFault
from labeling.supervision.marked import TOKEN_VARIABLE, find_marked, kill_marked

LOCK_NAME: Final = "supervisor.lock"
STATE_NAME: Final = "supervisor.json"

# Children of a killed supervisor stop by themselves within their lifeline's grace; wait a little longer.
LEFTOVER_WAIT_S: Final = 4.0


@dataclass(frozen=True)
class Note:
    """What a running supervisor writes down; `parts` are the wrappers' process ids by name."""

    pid: int
    address: str
    token: str
    parts: dict[str, int]


@contextlib.contextmanager
def exclusive(run_dir: Path) -> Iterator[int]:
    """Be the only supervisor of this instance; yield how many leftovers of an earlier one had to be killed.

    The lock is the kernel's: it lets go however this process ends. Raises RuntimeFault,
    naming the other supervisor, if it is held.
    """
    fd = os.open(run_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeFault(_already_running(run_dir)) from None
        yield clear_leftovers(run_dir)
    finally:
        os.close(fd)


def _already_running(run_dir: Path) -> str:
    note = read_note(run_dir)
    where = f" (process {note.pid}, {note.address})" if note else ""
    return f"Burnish already runs from this folder{where}; stop it first, or set BURNISH_VAR to another folder."


def read_note(run_dir: Path) -> Note | None:
    """Return the note of the present or last supervisor; None if there is none or it cannot be read."""
    try:
        return Note(**json.loads((run_dir / STATE_NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_note(run_dir: Path, note: Note) -> None:
    """Write the note in one step: a reader sees the old one or the new one."""
    fresh = run_dir / f"{STATE_NAME}.new"
    fresh.write_text(json.dumps(asdict(note), indent=1) + "\n")
    fresh.replace(run_dir / STATE_NAME)


def remove_note(run_dir: Path) -> None:
    """Forget the note, in good order."""
    (run_dir / STATE_NAME).unlink(missing_ok=True)


def clear_leftovers(run_dir: Path) -> int:
    """End what an earlier supervisor left behind and forget its note; return how many had to be killed.

    Call with the lock held. Waits first for wrappers that are just stopping their commands.
    """
    note = read_note(run_dir)
    killed = 0
    if note is not None:
        marks = {TOKEN_VARIABLE: note.token}
        wrappers = set(note.parts.values())
        deadline = time.monotonic() + LEFTOVER_WAIT_S
        while wrappers.intersection(find_marked(marks)) and time.monotonic() < deadline:
            time.sleep(0.05)
        killed = kill_marked(marks)
    remove_note(run_dir)
    return killed
