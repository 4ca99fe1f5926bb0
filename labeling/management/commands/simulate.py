"""manage.py simulate: the whole loop with a simulated annotator, apart from the user's own data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling.errors import DomainError, PermanentError
from labeling.simulation.parts import Budget, play_all
from labeling.simulation.plan import CORRECTIONS, LABELS, MEND_STROKES, STRATEGIES, TAKE_REGIONS, Plan
from labeling.simulation.summary import draw, summarise
from models_zoo import FolderError, LabelledFolder

LEAST = {
    "seeds": 1,
    "rounds": 1,
    "budget_images": 0,
    "minutes": 0,
    "steps": 0,
    "mend_strokes": 0,
    "corrections": 0,
    "take_regions": 0,
}


class Command(BaseCommand):
    """Marks, trains, judges proposals and trains again on a folder with true masks; compares with full masks.

    Works in a temporary SQLite and storage. Finished parts are kept, so that --resume goes on after an interrupt.
    """

    help = "Simulate annotation on a folder with images/, masks/ and classes.json, and compare with full masks."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--data", required=True, type=Path, help="folder with images/, masks/ and classes.json")
        parser.add_argument("--labels", choices=LABELS, default="scribbles", help="kind of marks (default: scribbles)")
        parser.add_argument(
            "--strategy", choices=STRATEGIES, default="uncertainty", help="order of the queue (default: uncertainty)"
        )
        parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from 0 (default: 1)")
        parser.add_argument("--rounds", type=int, default=2, help="rounds of marking and training (default: 2)")
        parser.add_argument(
            "--budget-images", type=int, default=0, help="images to label in all (default: all but the test split)"
        )
        parser.add_argument(
            "--minutes", type=float, default=0, help="cap; fewer seeds or steps if need be (default: none)"
        )
        parser.add_argument(
            "--effort", choices=("quick", "normal", "thorough"), default="normal", help="of each training"
        )
        parser.add_argument(
            "--image-size", type=int, default=256, help="long side that training resizes to (default: 256)"
        )
        parser.add_argument("--steps", type=int, default=0, help="exact training steps; 0 lets effort decide")
        parser.add_argument(
            "--mend-strokes",
            type=int,
            default=MEND_STROKES,
            help="reject a proposal that takes more strokes to mend than this, and more than marking it anew; 0 mends "
            f"nothing (default: {MEND_STROKES})",
        )
        parser.add_argument(
            "--corrections",
            type=int,
            default=CORRECTIONS,
            help=f"times that strokes correct the mask under the pen before it is judged (default: {CORRECTIONS})",
        )
        parser.add_argument(
            "--take-regions",
            type=int,
            default=TAKE_REGIONS,
            help="largest regions of a rejected mask that are looked at, the right ones taken; 0 takes none "
            f"(default: {TAKE_REGIONS})",
        )
        parser.add_argument("--json", type=Path, help="where to write the report; its picture goes beside it as .png")
        parser.add_argument("--work", type=Path, help="where finished parts are kept (default: var/simulate)")
        parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has finished")

    def handle(self, *args: Any, **options: Any) -> None:
        plan, budget = _plan(options), Budget(seeds=options["seeds"], minutes=options["minutes"])
        work = (options["work"] or _default_work()).resolve()
        try:
            LabelledFolder.open(Path(plan.data))
            pairs = play_all(plan, budget, work, resume=options["resume"], say=self.stdout.write)
            report = summarise(plan, pairs, wanted_seeds=budget.seeds)
            if options["json"]:
                options["json"].parent.mkdir(parents=True, exist_ok=True)
                options["json"].write_text(json.dumps(report, indent=1) + "\n")
                draw(report, options["json"].with_suffix(".png"))
        except (DomainError, PermanentError, FolderError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_line(report))


def _plan(options: dict[str, Any]) -> Plan:
    for name, least in LEAST.items():
        if options[name] < least:
            raise CommandError(f"--{name.replace('_', '-')} must be at least {least}.")
    return Plan(
        data=str(options["data"].resolve()),
        labels=options["labels"],
        strategy=options["strategy"],
        rounds=options["rounds"],
        budget_images=options["budget_images"],
        effort=options["effort"],
        image_size=options["image_size"],
        steps=options["steps"],
        mend_strokes=options["mend_strokes"],
        corrections=options["corrections"],
        take_regions=options["take_regions"],
    )


def _default_work() -> Path:
    from django.conf import settings

    return Path(settings.VAR_DIR) / "simulate"


def _line(report: dict[str, Any]) -> str:
    return (
        f"{report['set']}, {report['labels']}, {report['strategy']}, {report['num_seeds']} seeds: "
        f"mIoU {report['final_miou']:.3f} of {report['full_miou']:.3f} with full masks "
        f"(ratio {report['miou_ratio']:.3f}), {report['annotator_seconds'] / 60:.0f} of "
        f"{report['full_seconds'] / 60:.0f} minutes (ratio {report['seconds_ratio']:.3f})"
    )
