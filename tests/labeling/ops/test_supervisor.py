"""The supervisor with small real children: nothing outlives it, whatever ends first, and crashes are mended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from labeling.runtime import RuntimeFault, ensure_runtime_dir, find_redis, redis_command, redis_socket
from labeling.supervision import children, state
from labeling.supervision.children import Child, Part, describe_exit
from labeling.supervision.marked import TOKEN_VARIABLE
from labeling.supervision.preflight import answers_ping
from labeling.supervision.state import Note, exclusive, read_note, write_note
from labeling.supervision.supervisor import LONGEST_PAUSE_S, Restarts, Supervisor

SCRIPT = Path(__file__).with_name("small_supervisor.py")
ROOT = Path(__file__).parents[3]
WITHIN_S = 20.0

QUIET = "import signal; signal.pause()"
# Deaf to SIGTERM, with a child in a session of its own that is deaf too: the worst a worker can be.
STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
open("grandchild", "w").write(str(child.pid))
signal.pause()
"""
FAILING = "import sys; print('no bread in the house'); sys.exit(3)"

pytestmark = pytest.mark.slow


class Running:
    """A small supervisor in a process of its own."""

    def __init__(self, folder: Path, **programs: str) -> None:
        words = [f"{name}={code}" for name, code in programs.items()]
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stdout is not None
        self.said: IO[str] = self.process.stdout

    def wait_for(self, beginning: str) -> str:
        """Return the next line that begins like this."""
        for line in self.said:
            if line.startswith(beginning):
                return line.strip()
        raise AssertionError(f"it never said {beginning!r}")

    def wrappers(self) -> list[int]:
        """Wait until it is ready; return the wrappers' process ids."""
        return [int(word) for word in self.wait_for("ready").split()[1:]]

    def family(self) -> list[psutil.Process]:
        """Return every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start small supervisors; whatever a failing test leaves is killed."""
    started: list[Running] = []

    def start_one(**programs: str) -> Running:
        started.append(Running(tmp_path, **programs))
        return started[-1]

    yield start_one
    for running in started:
        running.process.kill()
        running.process.wait()
        running.said.close()


def only_child(wrapper: int) -> psutil.Process:
    """Return the command behind a wrapper, once it is started."""
    return next(child[0] for child in iter(psutil.Process(wrapper).children, None) if child)


def grandchild(folder: Path, wrapper: int) -> psutil.Process:
    """Return the stubborn part's own child, once it is up."""
    for process in iter(lambda: psutil.Process(wrapper).children(recursive=True), None):
        if len(process) >= 2 and (folder / "grandchild").exists() and (folder / "grandchild").read_text():
            return psutil.Process(int((folder / "grandchild").read_text()))
    raise AssertionError


def test_sigterm_stops_all_and_leaves_no_process(start: Start, tmp_path: Path) -> None:
    running = start(quiet=QUIET, stubborn=STUBBORN)
    deaf = grandchild(tmp_path, running.wrappers()[1])
    family = running.family()
    assert deaf in family
    running.process.terminate()
    running.wait_for("stopped")
    assert running.process.wait(WITHIN_S) == 0
    assert psutil.wait_procs(family, timeout=0)[1] == []
    assert read_note(tmp_path) is None


def test_a_killed_supervisor_leaves_no_process(start: Start, tmp_path: Path) -> None:
    running = start(quiet=QUIET, stubborn=STUBBORN)
    deaf = grandchild(tmp_path, running.wrappers()[1])
    family = running.family()
    assert deaf in family
    running.process.kill()
    assert psutil.wait_procs(family, timeout=WITHIN_S)[1] == []


def test_the_next_start_clears_what_is_still_there(start: Start, tmp_path: Path) -> None:
    first = start(stubborn=STUBBORN)
    wrapper = first.wrappers()[0]
    deaf = grandchild(tmp_path, wrapper)
    os.kill(first.process.pid, signal.SIGKILL)
    os.kill(wrapper, signal.SIGKILL)
    second = start(quiet=QUIET)
    second.wait_for("ready")
    assert not deaf.is_running() or deaf.status() == psutil.STATUS_ZOMBIE


def test_a_killed_wrapper_takes_its_command_with_it_and_is_replaced(start: Start, tmp_path: Path) -> None:
    running = start(stubborn=STUBBORN)
    wrapper = running.wrappers()[0]
    deaf = grandchild(tmp_path, wrapper)
    family = running.family()
    os.kill(wrapper, signal.SIGKILL)
    said = running.wait_for("stubborn was killed by SIGKILL")
    assert "starting it again in 0.5 s" in said
    assert psutil.wait_procs([*family, deaf], timeout=WITHIN_S)[1] == []


def test_a_crashed_part_is_reported_in_one_line_and_started_again(start: Start) -> None:
    running = start(quiet=QUIET)
    wrapper = running.wrappers()[0]
    command = only_child(wrapper)
    command.kill()
    said = running.wait_for("quiet ")
    assert said.startswith("quiet was killed by SIGKILL; starting it again in 0.5 s (log: ")
    psutil.wait_procs([command], timeout=WITHIN_S)
    for family in iter(running.family, None):
        if len(family) == 2 and wrapper not in {child.pid for child in family}:
            break


def test_a_part_that_keeps_failing_is_started_ever_more_slowly(start: Start) -> None:
    running = start(failing=FAILING)
    running.wait_for("ready")
    assert "ended with status 3; starting it again in 0.5 s" in running.wait_for("failing")
    assert "in 1 s" in running.wait_for("failing")


def test_the_pause_doubles_up_to_a_limit_and_starts_anew_after_a_good_run() -> None:
    restarts = Restarts()
    now = 0.0
    pauses = []
    for _ in range(8):
        restarts.started(now)
        pauses.append(restarts.ended(now + 1))
        now += 100
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    restarts.started(now)
    assert restarts.ended(now + 60) == 0.5


def test_a_second_supervisor_names_the_first(start: Start, tmp_path: Path) -> None:
    first = start(quiet=QUIET)
    first.wait_for("ready")
    second = start(quiet=QUIET)
    said = second.wait_for("Burnish already runs")
    assert f"process {first.process.pid}, http://test/" in said
    assert second.process.wait(WITHIN_S) == 1


def test_a_part_that_never_answers_is_reported_with_its_last_words(tmp_path: Path) -> None:
    part = Part(name="bakery", command=(sys.executable, "-c", FAILING), ready=lambda: False)
    supervisor = Supervisor(
        [part], run_dir=tmp_path, log_dir=tmp_path, cwd=tmp_path, address="", report=lambda _line: None
    )
    with pytest.raises(RuntimeFault, match=r"bakery ended with status 3: no bread in the house"):
        supervisor.run(on_ready=lambda: None)


def test_preparations_run_to_their_end_before_the_rest_starts(tmp_path: Path) -> None:
    order = "import pathlib; open('order', 'a').write('%s ')"
    prepare = Part(name="prepare", command=(sys.executable, "-c", order % "prepared"))
    rest = Part(
        name="rest", command=(sys.executable, "-c", f"{order % 'rest'}; {QUIET}"), ready=lambda: "rest" in written()
    )

    def written() -> str:
        return (tmp_path / "order").read_text()

    supervisor = Supervisor(
        [rest],
        run_dir=tmp_path,
        log_dir=tmp_path,
        cwd=tmp_path,
        address="",
        report=lambda _line: None,
        preparations=[prepare],
    )
    supervisor.run(on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert written() == "prepared rest "


def test_a_failed_preparation_stops_the_start_with_its_last_words(tmp_path: Path) -> None:
    part = Part(name="seed", command=(sys.executable, "-c", FAILING))
    supervisor = Supervisor(
        [],
        run_dir=tmp_path,
        log_dir=tmp_path,
        cwd=tmp_path,
        address="",
        report=lambda _line: None,
        preparations=[part],
    )
    with pytest.raises(RuntimeFault, match=r"seed ended with status 3: no bread in the house"):
        supervisor.run(on_ready=lambda: None)


def test_a_command_that_is_not_there_is_reported(tmp_path: Path) -> None:
    part = Part(name="ghost", command=("/no/such/program",), ready=lambda: False)
    supervisor = Supervisor(
        [part], run_dir=tmp_path, log_dir=tmp_path, cwd=tmp_path, address="", report=lambda _line: None
    )
    with pytest.raises(RuntimeFault, match="No such file"):
        supervisor.run(on_ready=lambda: None)


def test_a_marked_process_of_an_earlier_run_is_killed_and_a_stranger_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LEFTOVER_WAIT_S", 0.0)
    left = subprocess.Popen([sys.executable, "-c", QUIET], env={**os.environ, TOKEN_VARIABLE: "earlier"})
    stranger = subprocess.Popen([sys.executable, "-c", QUIET])
    try:
        # The noted ids are the stranger's: given again after a restart of the machine.
        write_note(tmp_path, Note(stranger.pid, "", "earlier", {"web": stranger.pid}))
        with exclusive(tmp_path) as killed:
            assert killed == 1
        assert left.wait(WITHIN_S) == -signal.SIGKILL
        assert stranger.poll() is None
        assert read_note(tmp_path) is None
    finally:
        stranger.kill()
        stranger.wait()
        left.kill()
        left.wait()


def test_a_spoilt_note_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / state.STATE_NAME).write_text('{"pid": ')
    with exclusive(tmp_path) as killed:
        assert killed == 0


def test_a_long_log_is_kept_once_and_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "MAX_LOG_BYTES", 10)
    child = Child(Part(name="web", command=()), token="", log_dir=tmp_path, cwd=tmp_path)
    with child.log_file.open("a") as log:
        log.write("a long first line\n")
        log.flush()
        child.trim_log()
        log.write("next\n")
    assert child.log_file.read_text() == "next\n"
    assert (tmp_path / "web.log.1").read_text() == "a long first line\n"


def test_exits_are_put_into_words() -> None:
    assert describe_exit(137) == "was killed by SIGKILL"
    assert describe_exit(-9) == "was killed by SIGKILL"
    assert describe_exit(3) == "ended with status 3"


def test_redis_is_back_after_kill_9(tmp_path: Path) -> None:
    ensure_runtime_dir(tmp_path)
    socket = redis_socket(tmp_path)
    part = Part(
        name="redis",
        command=tuple(redis_command(find_redis(), tmp_path)),
        serves_others=True,
        ready=lambda: answers_ping(socket),
    )
    said: list[str] = []
    pings = []

    def stop_when_it_is_back() -> None:
        pings.append(next(ping for ping in iter(lambda: answers_ping(socket), None) if ping))
        os.kill(os.getpid(), signal.SIGTERM)

    def report(line: str) -> None:
        said.append(line)
        threading.Thread(target=stop_when_it_is_back, daemon=True).start()

    supervisor = Supervisor([part], run_dir=socket.parent, log_dir=tmp_path, cwd=tmp_path, address="", report=report)

    def kill_redis() -> None:
        note = read_note(socket.parent)
        assert note is not None
        psutil.Process(note.parts["redis"]).children()[0].kill()

    supervisor.run(on_ready=kill_redis)
    assert said[0].startswith("redis was killed by SIGKILL; starting it again in 0.5 s")
    assert pings == [True]
    assert not answers_ping(socket)
