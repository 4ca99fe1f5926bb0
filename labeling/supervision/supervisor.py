"""Start the parts in order, keep them running, and stop them all.

One thread: the loop sleeps until a signal (a child ended, a person wants to stop) or the
next due restart. Everything it says is one line through `report`.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from labeling.runtime import RuntimeFault
from labeling.supervision.children import Child, Part, describe_exit
from labeling.supervision.lifeline import PR_SET_CHILD_SUBREAPER, own_children, prctl
from labeling.supervision.marked import TOKEN_VARIABLE, kill_marked
from labeling.supervision.state import Note, remove_note, write_note

READY_WITHIN_S: Final = 60.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
# A part that ran this long is well again: its next crash is restarted soon.
WELL_AFTER_S: Final = 30.0
# Everything must be gone 10 s after Ctrl-C; what is left now is killed.
STOP_WITHIN_S: Final = 8.5
POLL_S: Final = 0.05
# How often logs are looked at, when nothing else happens.
IDLE_S: Final = 60.0

Report = Callable[[str], None]


class Supervisor:
    """Runs parts as children. Use once: `run()` returns when everything has stopped."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        run_dir: Path,
        log_dir: Path,
        cwd: Path,
        address: str,
        report: Report,
        preparations: Sequence[Part] = (),
    ) -> None:
        """Prepare; `run_dir` must exist. `address` is what the note tells a second starter.

        `preparations` are run to their end, one after the other, when the parts that serve
        others answer and before the rest is started.
        """
        self._token = secrets.token_hex(16)
        self._children = [Child(part, token=self._token, log_dir=log_dir, cwd=cwd) for part in parts]
        self._preparations = [Child(part, token=self._token, log_dir=log_dir, cwd=cwd) for part in preparations]
        self._restarts = {child.part.name: Restarts() for child in self._children}
        self._run_dir = run_dir
        self._address = address
        self._report = report
        self._stop_requests = 0
        self._wakeup, self._wakeup_write = os.pipe()
        self._lifeline, self._lifeline_write = os.pipe()

    def run(self, *, on_ready: Callable[[], None]) -> None:
        """Start all, call `on_ready` when they answer, watch them until SIGINT or SIGTERM, stop all.

        Call inside `state.exclusive`. Raises RuntimeFault if a part does not come up.
        """
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        with self._signals():
            try:
                self._start_all()
                if not self._stop_requests:
                    on_ready()
                self._watch()
            finally:
                self._stop_all()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Count requests to stop, and let every signal wake the loop."""

        def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
            self._stop_requests += 1

        os.set_blocking(self._wakeup_write, False)
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        old = {number: signal.signal(number, ask_to_stop) for number in wanted}
        old[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        old_fd = signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(old_fd)
            for number, handler in old.items():
                signal.signal(number, handler)

    def _sleep(self, seconds: float) -> None:
        """Sleep until a signal comes or the time is over."""
        if select.select([self._wakeup], [], [], seconds)[0]:
            os.read(self._wakeup, 4096)

    def _start_all(self) -> None:
        """Start the parts that serve others, wait until they answer, prepare, then start the rest."""
        self._start_stage(serves_others=True)
        for child in self._preparations:
            self._run_to_end(child)
        self._start_stage(serves_others=False)

    def _start_stage(self, *, serves_others: bool) -> None:
        """Start each part when the one before it answers: the first page comes before the workers."""
        for child in self._children:
            if child.part.serves_others is serves_others and not self._stop_requests:
                self._start(child)
                self._await_ready(child)

    def _run_to_end(self, child: Child) -> None:
        """Run a preparation. Raises RuntimeFault with its last words if it fails; a wish to stop ends it."""
        if not self._stop_requests:
            child.start(self._lifeline)
        while child.runs:
            if self._stop_requests:
                child.terminate()
            status = child.ended()
            if status and not self._stop_requests:
                raise RuntimeFault(_last_words(child, describe_exit(status)))
            self._sleep(POLL_S)

    def _start(self, child: Child) -> None:
        child.start(self._lifeline)
        self._restarts[child.part.name].started(time.monotonic())
        parts = {each.part.name: each.pid for each in self._children if each.pid is not None}
        write_note(self._run_dir, Note(os.getpid(), self._address, self._token, parts))

    def _await_ready(self, child: Child) -> None:
        """Wait until the part answers. Raises RuntimeFault, with its last words, if it does not."""
        deadline = time.monotonic() + READY_WITHIN_S
        ready = child.part.ready
        while ready is not None and not self._stop_requests and not ready():
            status = child.ended()
            if status is not None or time.monotonic() > deadline:
                late = f"does not answer after {READY_WITHIN_S:.0f} s"
                what = late if status is None else describe_exit(status)
                raise RuntimeFault(_last_words(child, what))
            self._sleep(POLL_S)

    def _watch(self) -> None:
        """Restart what ends, until a person wants to stop."""
        while not self._stop_requests:
            now = time.monotonic()
            for child in self._children:
                self._look_after(child, now)
            self._reap_adopted()
            due = [each.due for each in self._restarts.values() if each.due is not None]
            if not self._stop_requests:
                self._sleep(max(0.0, min(due) - time.monotonic()) if due else IDLE_S)

    def _look_after(self, child: Child, now: float) -> None:
        restarts = self._restarts[child.part.name]
        status = child.ended()
        if status is not None:
            pause = restarts.ended(now)
            what = f"{child.part.name} {describe_exit(status)}"
            self._report(f"{what}; starting it again in {pause:g} s (log: {child.log_file})")
        elif restarts.due is not None and restarts.due <= now:
            self._start(child)
        else:
            child.trim_log()

    def _reap_adopted(self) -> None:
        """Reap processes that came to us because their own parent was killed."""
        known = {child.pid for child in self._children}
        for pid in own_children():
            if pid not in known:
                _reap(pid)

    def _stop_all(self) -> None:
        """Stop the parts, those that serve others last. A second request to stop kills at once."""
        patience = max(1, self._stop_requests)
        deadline = time.monotonic() + STOP_WITHIN_S
        for serves_others in (False, True):
            stage = [child for child in self._children if child.part.serves_others is serves_others]
            for child in stage:
                child.terminate()
            while any(child.runs and child.ended() is None for child in stage):
                if time.monotonic() > deadline or self._stop_requests > patience:
                    for child in stage:
                        child.kill()
                self._sleep(POLL_S)
        kill_marked({TOKEN_VARIABLE: self._token})
        self._reap_adopted()
        remove_note(self._run_dir)
        for fd in (self._lifeline, self._lifeline_write):
            os.close(fd)


class Restarts:
    """When a part that keeps ending may start again: 0.5 s, then twice as long each time, up to 30 s."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.due: float | None = None
        self._pause_s = FIRST_PAUSE_S
        self._started = 0.0

    def started(self, now: float) -> None:
        """It was started at `now` (seconds of a steady clock)."""
        self.due = None
        self._started = now

    def ended(self, now: float) -> float:
        """It ended at `now`; return how many seconds to wait before the next start."""
        if now - self._started >= WELL_AFTER_S:
            self._pause_s = FIRST_PAUSE_S
        pause = self._pause_s
        self._pause_s = min(2 * pause, LONGEST_PAUSE_S)
        self.due = now + pause
        return pause


def _last_words(child: Child, what: str) -> str:
    return f"{child.part.name} {what}: {child.last_line()} (log: {child.log_file})"


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
