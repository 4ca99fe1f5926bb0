"""Run one command, and see to it that nothing of it outlives the supervisor.

Run as a script, `python -I -S lifeline.py FD GRACE_S NICE COMMAND…`, so that it starts in
some 20 ms and needs nothing of the project. FD is the read end of a pipe whose write end
only the supervisor holds: it reads end-of-file as soon as the supervisor is gone, however
it went. Then, and on SIGTERM, the command is asked to stop and killed after GRACE_S seconds.

When the command has ended, everything it started is killed too: it has its own process
group, and this process is the "subreaper" of its descendants, so a pool child whose parent
was killed comes to us and not to init. Should this process itself be killed, the kernel
kills the command (PR_SET_PDEATHSIG). Both are Linux; elsewhere the process group must do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# The supervisor did not end in good order: be quick, the next one may be waiting.
ORPHANED_GRACE_S = 2.0


def prctl(option: int, argument: int) -> None:
    """Call prctl(2) where there is one; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)


def die_with_parent(parent: int) -> Callable[[], None]:
    """Return what a new child calls before exec, so that the kernel kills it when `parent` ends."""

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before we asked
            os._exit(1)

    return prepare


def start(command: list[str], niceness: int) -> subprocess.Popen[bytes]:
    """Start the command in its own process group."""
    if niceness:
        os.nice(niceness)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=die_with_parent(os.getpid()),
    )


def watch(child: subprocess.Popen[bytes], lifeline: int, wakeup: int, grace_s: float, asked: list[int]) -> int:
    """Wait until the command has ended, stopping it when asked or orphaned; return its exit status."""
    deadline: float | None = None
    sources = [lifeline, wakeup]
    while True:
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = select.select(sources, [], [], timeout)[0]
        if wakeup in ready:
            os.read(wakeup, 512)
        status = child.poll()
        if status is not None:
            return status
        if lifeline in ready:
            sources.remove(lifeline)
            deadline = min(deadline or float("inf"), time.monotonic() + ORPHANED_GRACE_S)
            child.terminate()
        elif asked and deadline is None:
            deadline = time.monotonic() + grace_s
            child.terminate()
        if deadline is not None and time.monotonic() >= deadline:
            kill_group(child.pid)
            return child.wait()


def kill_group(group: int) -> None:
    """Kill what is left of a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def kill_process(pid: int) -> None:
    """Kill one process, if it is still there and ours."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def own_children() -> list[int]:
    """Return the processes whose parent we are, adopted ones included (Linux)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as stream:
            return [int(word) for word in stream.read().split()]
    except OSError:
        return []


def sweep(group: int) -> None:
    """Kill and reap whatever the command left behind, until nobody is left."""
    kill_group(group)
    while True:
        for pid in own_children():
            kill_process(pid)
        try:
            os.wait()
        except ChildProcessError:
            return


def main(arguments: list[str]) -> int:
    """Run the command; return its exit status the way a shell does (128 + signal)."""
    lifeline, grace_s, niceness, command = (
        int(arguments[0]),
        float(arguments[1]),
        int(arguments[2]),
        arguments[3:],
    )
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    wakeup, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: asked.append(number))
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    try:
        child = start(command, niceness)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    status = watch(child, lifeline, wakeup, grace_s, asked)
    sweep(child.pid)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
