"""Run the parts of a plan one after the other, each in a process of its own, and keep what is finished."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from labeling.errors import PermanentError
from labeling.simulation.plan import Arm, Part, Plan
from labeling.supervision.lifeline import die_with_parent

Json = dict[str, Any]
Say = Callable[[str], None]

WEAK_SHARE: Final = 0.55  # of the time for a seed: the weak arm trains once a round, the full arm once
ENOUGH: Final = 0.9  # a further seed starts only if the time left is this much of what the last one took


@dataclass(frozen=True, kw_only=True)
class Budget:
    """`seeds` to play, within `minutes` (0 is no cap)."""

    seeds: int
    minutes: float


def play_all(plan: Plan, budget: Budget, work: Path, *, resume: bool, say: Say) -> list[Json]:
    """Play every part, or as many seeds as the time allows; at least one, with fewer steps if need be.

    Returns a {"weak": …, "full": …} for each finished seed. With `resume` finished parts in `work` are read
    instead of played. Raises PermanentError with a part's own sentence when it fails.
    """
    folder = work / plan.key
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    pairs: list[Json] = []
    for seed in range(budget.seeds):
        began = time.monotonic()
        left = _left(budget, started)
        if pairs and left is not None and left < ENOUGH * pairs[-1]["spent_s"] and not _is_kept(folder, seed):
            say(f"seed {seed} and later are left out: {left / 60:.1f} of {budget.minutes:g} minutes are left")
            break
        longer = not budget.minutes and _tries_longer(pairs)
        weak = _part(plan, folder, seed, "weak", say, minutes=_minutes(left, WEAK_SHARE), longer=longer)
        full = _part(
            plan,
            folder,
            seed,
            "full",
            say,
            minutes=_minutes(_left(budget, started), 1.0),
            names=tuple(weak["names"]),
            longer=longer,
        )
        pairs.append({"seed": seed, "weak": weak, "full": full, "spent_s": time.monotonic() - began})
    return pairs


def _left(budget: Budget, started: float) -> float | None:
    """Seconds left, None without a cap."""
    return max(0.0, 60 * budget.minutes - (time.monotonic() - started)) if budget.minutes else None


def _minutes(left_s: float | None, share: float) -> float:
    """A part's cap; at least a quarter of a minute, as 0 would mean none."""
    return 0.0 if left_s is None else max(0.25, share * left_s / 60)


def _tries_longer(pairs: list[Json]) -> bool:
    """Whether both arms also try three times as long a training: the first seed finds out if that pays.

    Under a cap both arms are cut alike instead.
    """
    return not pairs or pairs[0]["full"]["effort"] == "thorough"


def _path(folder: Path, seed: int, arm: Arm) -> Path:
    return folder / f"seed{seed}-{arm}.json"


def _is_kept(folder: Path, seed: int) -> bool:
    return _path(folder, seed, "weak").exists() and _path(folder, seed, "full").exists()


def _part(plan: Plan, folder: Path, seed: int, arm: Arm, say: Say, **options: Any) -> Json:
    """The part's result, from its file if it is there."""
    out = _path(folder, seed, arm)
    if not out.exists():
        _play(Part(plan=plan, seed=seed, arm=arm, out=str(out), **options))
    result: Json = json.loads(out.read_bytes())
    say(f"{Path(plan.data).name} seed {seed} {arm}: mIoU {result['miou']:.3f} in {result['spent_s']:.0f} s")
    return result


def _play(part: Part) -> None:
    """In a process that ends with this one. Scratch of a killed run is cleared by the next."""
    scratch = Path(part.out).with_suffix(".scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "labeling.settings.simulation", "BURNISH_VAR": str(scratch)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "labeling.simulation.play"],
            cwd=Path(__file__).resolve().parents[2],
            input=part.to_json(),
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(os.getpid()),
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise PermanentError(f"seed {part.seed}, {part.arm} arm: {lines[-1]}")
