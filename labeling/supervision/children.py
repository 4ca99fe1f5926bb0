"""One supervised child: what to run, start it, stop it, and notice how it ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from labeling.supervision import lifeline
from labeling.supervision.marked import PART_VARIABLE, TOKEN_VARIABLE, kill_marked

LIFELINE_SCRIPT: Final = Path(lifeline.__file__)
MAX_LOG_BYTES: Final = 10 * 2**20


@dataclass(frozen=True, kw_only=True)
class Part:
    """One long-running command of the application.

    `ready` says whether it answers; a part without one counts as ready when started.
    A part that `serves_others` starts first and stops last.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0
    grace_s: float = 5.0
    serves_others: bool = False
    ready: Callable[[], bool] | None = None


class Child:
    """A `Part` with its process, if it runs."""

    def __init__(self, part: Part, *, token: str, log_dir: Path, cwd: Path) -> None:
        """Prepare; nothing runs before `start`. `token` names the supervisor (see `marked`)."""
        self.part = part
        self.log_file = log_dir / f"{part.name}.log"
        self._marks = {TOKEN_VARIABLE: token, PART_VARIABLE: part.name}
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether it was started and not yet seen to end."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """The process id of its wrapper."""
        return None if self._process is None else self._process.pid

    def start(self, lifeline_fd: int) -> None:
        """Start the command behind its lifeline, in a session of its own, writing to its log file.

        A session of its own keeps the terminal's Ctrl-C away: the supervisor alone decides the order
        of stopping.
        """
        command = [sys.executable, "-I", "-S", str(LIFELINE_SCRIPT)]
        command += [str(lifeline_fd), str(self.part.grace_s), str(self.part.niceness), *self.part.command]
        with self._open_log() as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._cwd,
                env={**os.environ, **self.part.environ, **self._marks},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(lifeline_fd,),
                start_new_session=True,
            )

    def _open_log(self) -> IO[bytes]:
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self.trim_log()
        return self.log_file.open("ab")

    def trim_log(self) -> None:
        """Keep a copy of a log that has grown too long and begin anew; the part goes on writing to it.

        Works because the part's file is open for appending: what is written next lands at the new end.
        """
        try:
            if self.log_file.stat().st_size > MAX_LOG_BYTES:
                shutil.copyfile(self.log_file, self.log_file.with_suffix(".log.1"))
                os.truncate(self.log_file, 0)
        except OSError:
            return  # a full disk, or somebody took the file away: no reason to stop anything

    def ended(self) -> int | None:
        """Return the exit status if it has ended since it was started, and forget the process; else None."""
        if self._process is None:
            return None
        status = self._process.poll()
        if status is not None:
            self._process = None
            kill_marked(self._marks)  # a wrapper that was killed could not do it
        return status

    def terminate(self) -> None:
        """Ask it to stop; its wrapper kills it when its grace is over."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """Kill it, its wrapper and all it started, at once."""
        if self._process is not None:
            kill_marked(self._marks)

    def last_line(self) -> str:
        """Return the last line it wrote that is not empty (at most 300 characters)."""
        try:
            with self.log_file.open("rb") as stream:
                stream.seek(max(0, self.log_file.stat().st_size - 4096))
                lines = [line.strip() for line in stream.read().decode(errors="replace").splitlines()]
        except OSError:
            return ""
        return next((line[:300] for line in reversed(lines) if line), "")


def describe_exit(status: int) -> str:
    """Put an exit status into words: "ended with status 3", "was killed by SIGKILL"."""
    number = -status if status < 0 else status - 128
    try:
        return f"was killed by {signal.Signals(number).name}"
    except ValueError:
        return f"ended with status {status}"
