"""`python -m models_zoo bench SUITE`: its arguments, and from them to the report. Imports no torch."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, get_args

from models_zoo.bench.chart import ChartError, draw
from models_zoo.bench.plan import Wanted, in_order, plan_rows
from models_zoo.bench.report import markdown, summarise
from models_zoo.bench.running import run_all
from models_zoo.bench.suites import MARKS, PROFILES, SUITES, measured_methods, profile_named, suite_named
from models_zoo.labelled_folder import LabelledFolder, Part

WORK = Path("var/bench")
WRONG_MARKS = 0.02


def add_arguments(parser: argparse.ArgumentParser, settings_of: Callable[[list[str]], dict[str, object]]) -> None:
    """`settings_of` reads NAME=VALUE pairs."""
    parser.add_argument("suite", choices=[suite.name for suite in SUITES])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders: images/, masks/, classes.json")
    parser.add_argument("--methods", type=_names, help="separated by commas; all that learn from marks by default")
    parser.add_argument("--marks", type=_names, default=MARKS, help=f"separated by commas, of {', '.join(MARKS)}")
    parser.add_argument("--variants", type=_names, help="of the ablations, and default; separated by commas")
    parser.add_argument("--wrong-marks", type=_shares, default=(WRONG_MARKS,), help="shares, separated by commas")
    parser.add_argument("--seeds", type=int, help="trainings of each row; 3 by default, 1 for smoke")
    parser.add_argument("--minutes", type=float, default=0.0, help="stop after so long; the same command goes on")
    parser.add_argument("--profile", choices=[profile.name for profile in PROFILES], default=PROFILES[0].name)
    parser.add_argument("--part", choices=get_args(Part)[1:], help="measured on; val for ablations, else test")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--work", type=Path, default=WORK, help=f"where finished trainings are kept ({WORK})")
    parser.add_argument("--json", type=Path, help="the report; a table (.md) and a picture (.png) go beside it")
    parser.set_defaults(run=lambda options, out: run(options, settings_of(options.settings), out))


def run(options: argparse.Namespace, settings: dict[str, object], out: TextIO) -> int:
    """Measure and report; 0, or 1 when a training failed.

    Raises:
        ValueError: arguments or folders that cannot be used, before anything is trained.
    """
    from models_zoo.bench.snapshots import check_folder

    wanted = _wanted(options, settings)
    for folder in wanted.folders:
        check_folder(folder)
    rows = plan_rows(wanted)

    def say(line: str) -> None:
        out.write(line + "\n")
        out.flush()

    found = run_all(in_order(rows), options.work.resolve(), minutes=options.minutes, say=say)
    report = summarise(wanted, rows, found)
    table = markdown(report)
    out.write("\n" + table)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n")
        options.json.with_suffix(".md").write_text(table)
        try:
            draw(report["rows"], options.json.with_suffix(".png"))
        except ChartError as error:
            out.write(f"no picture: {error}\n")
    return 1 if found.failed else 0


def _wanted(options: argparse.Namespace, settings: dict[str, object]) -> Wanted:
    suite = suite_named(options.suite)
    for kind in options.marks:
        if kind not in MARKS:
            raise ValueError(f"there is no kind of marks {kind!r}; there are: {', '.join(MARKS)}")
    seeds = suite.seeds if options.seeds is None else options.seeds
    if seeds < 1 or options.minutes < 0:
        raise ValueError("--seeds must be at least 1 and --minutes not negative")
    return Wanted(
        suite=suite,
        profile=profile_named(options.profile),
        folders=tuple(LabelledFolder.open(path.resolve()) for path in options.data),
        methods=tuple(options.methods or measured_methods()),
        marks=tuple(options.marks),
        seeds=seeds,
        wrong_marks=options.wrong_marks,
        variants=options.variants,
        settings=settings,
        part=options.part,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _shares(text: str) -> tuple[float, ...]:
    shares = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    if not all(0 <= share < 1 for share in shares):
        raise argparse.ArgumentTypeError("a share of wrong marks is at least 0 and below 1")
    return shares
