"""Work through the pieces, one process each, and keep what is finished. Imports no torch."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from models_zoo.bench.plan import Piece

PIECE_S = 20 * 60.0
"""The longest that one piece trains in one call; its checkpoint is there for the next."""
LEAST_S = 5.0
"""No piece starts with less time left than this."""
_DONE, _TIME_IS_UP = 0, 3
_SOURCES = Path(__file__).resolve().parents[2]

Json = dict[str, Any]
Start = Callable[[Piece, Path, float, TextIO], tuple[int, str]]


@dataclass
class Found:
    """What there is after a call.

    Attributes:
        results: by the piece's key.
        failed: by the piece's key, why.
        left: pieces that are not finished.
    """

    results: dict[str, Json] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    left: int = 0


def run_all(
    pieces: Sequence[Piece], work: Path, *, minutes: float, say: Callable[[str], None], start: Start | None = None
) -> Found:
    """Train what is not there yet, at most `minutes` in all (0: no cap); what is finished in `work` is read.

    `start` carries out one piece and returns its exit status and error; by default in a process.

    Raises:
        ValueError: another process works in `work`.
    """
    started = time.monotonic()
    found = Found()
    with _locked(work) as lock:
        for number, piece in enumerate(pieces, start=1):
            left = min(PIECE_S, 60 * minutes - (time.monotonic() - started)) if minutes else PIECE_S
            _one(piece, work / piece.key, left, lock, found, start or _start)
            say(f"{number}/{len(pieces)}  {_line(piece, found)}")
    return found


def _one(piece: Piece, folder: Path, left: float, lock: TextIO, found: Found, start: Start) -> None:
    kept = folder / "result.json"
    if not kept.exists() and left < LEAST_S:
        found.left += 1
        return
    if not kept.exists():
        status, error = start(piece, folder, left, lock)
        if status == _TIME_IS_UP:
            found.left += 1
            return
        if status != _DONE:
            found.failed[piece.key] = error
            return
    found.results[piece.key] = json.loads(kept.read_bytes())


def _start(piece: Piece, folder: Path, left: float, lock: TextIO) -> tuple[int, str]:
    """The lock goes along: should this process be killed, nobody else starts while the piece is still at work."""
    order = {"piece": asdict(piece), "work": str(folder), "seconds": left}
    done = subprocess.run(
        [sys.executable, "-m", "models_zoo.bench.training"],
        cwd=_SOURCES,
        input=json.dumps(order),
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(lock.fileno(),),
    )
    lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    return done.returncode, lines[-1]


@contextmanager
def _locked(work: Path) -> Iterator[TextIO]:
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(f"another bench is at work in {work}: wait for it, or give another --work") from error
        yield lock


def _line(piece: Piece, found: Found) -> str:
    about = f"{Path(piece.data).name} {piece.method} {piece.marks} seed {piece.seed}"
    if piece.wrong_marks:
        about += f", {piece.wrong_marks:.0%} wrong"
    if piece.key in found.failed:
        return f"{about}: failed: {found.failed[piece.key]}"
    if piece.key not in found.results:
        return f"{about}: not finished, no time left"
    result = found.results[piece.key]
    return f"{about}: mIoU {_number(result['miou'])}, trained in {result['train_s']:.0f} s"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
