"""Run a supervisor over small parts, as a program of its own: `small_supervisor.py FOLDER NAME=CODE…`.

Each part is a Python program given as text. Says `ready PID…` (the wrappers) when all are started.
"""

from __future__ import annotations

import sys
from pathlib import Path

from labeling.runtime import RuntimeFault
from labeling.supervision.children import Part
from labeling.supervision.state import exclusive, read_note
from labeling.supervision.supervisor import Supervisor


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(folder: Path, arguments: list[str]) -> int:
    programs = dict(argument.split("=", 1) for argument in arguments)
    parts = [Part(name=name, command=(sys.executable, "-c", code), grace_s=1.0) for name, code in programs.items()]
    supervisor = Supervisor(
        parts, run_dir=folder, log_dir=folder / "log", cwd=folder, address="http://test/", report=say
    )

    def announce() -> None:
        note = read_note(folder)
        assert note is not None
        say("ready " + " ".join(str(note.parts[name]) for name in programs))

    try:
        with exclusive(folder) as killed:
            say(f"cleared {killed}")
            supervisor.run(on_ready=announce)
    except RuntimeFault as fault:
        say(str(fault))
        return 1
    say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
