"""Find the processes of one supervisor by a mark in their environment.

Process ids are given again to strangers, so a noted id proves nothing. A random token that
every child inherits does: whoever carries it was started by that supervisor, or by its children.
Needs /proc; elsewhere nothing is found, and the wrappers' process groups must do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from labeling.supervision.lifeline import kill_process

TOKEN_VARIABLE: Final = "BURNISH_SUPERVISOR"
PART_VARIABLE: Final = "BURNISH_PART"
DEATH_S: Final = 5.0
_LOOK_AGAIN_S: Final = 0.01


def find_marked(marks: Mapping[str, str]) -> list[int]:
    """Return the living processes of this user whose environment has all the given variables."""
    wanted = {f"{name}={value}".encode() for name, value in marks.items()}
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if wanted <= _environment(entry)]


def kill_marked(marks: Mapping[str, str]) -> int:
    """Kill them, and whoever they start meanwhile, and wait until they are gone; return how many there were at first.

    A killed process keeps its ports, locks and files until the kernel gets round to ending it, so whoever starts
    a successor has to wait. One that hangs in the kernel is given up after DEATH_S seconds.
    """
    found = find_marked(marks)
    killed: set[int] = set()
    left = set(found)
    deadline = time.monotonic() + DEATH_S
    while left and time.monotonic() < deadline:
        for pid in left - killed:
            kill_process(pid)
        killed |= left
        time.sleep(_LOOK_AGAIN_S)
        left = {pid for pid in killed if not _is_gone(pid)} | set(find_marked(marks))
    return len(found)


def _is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has let go of all it held."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def _environment(entry: Path) -> set[bytes]:
    """Return the environment a process was started with; empty if it has ended or is not ours."""
    try:
        return set((entry / "environ").read_bytes().split(b"\0"))
    except OSError:
        return set()
