"""The two arms of a comparison: cheap marks in rounds, and full masks of the same images."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from labeling.ml.simulating import full_mask_seconds, make_annotator
from labeling.models import ModelVersion
from labeling.services.decisions import accept_mask
from labeling.services.masks import store_mask
from labeling.simulation.learning import Clock, measure, propose, train_version
from labeling.simulation.plan import Part, Plan
from labeling.simulation.stage import Stage, set_stage
from labeling.simulation.work import Worker, truth_of
from models_zoo import LabelledFolder, encode_png

Json = dict[str, Any]


def play(part: Part) -> Json:
    """Play one part; the result is plain JSON."""
    started = time.monotonic()
    folder = LabelledFolder.open(Path(part.plan.data))
    clock = Clock.of(part.minutes)
    stage = set_stage(folder, seed=part.seed, strategy=part.plan.strategy)
    result = _weak(stage, part, clock) if part.arm == "weak" else _full(stage, part, clock)
    spent = round(time.monotonic() - started, 1)
    return {"seed": part.seed, "arm": part.arm, **result, "versions": _versions(stage), "spent_s": spent}


def _weak(stage: Stage, part: Part, clock: Clock) -> Json:
    """Rounds of: images by the queue, marks or verdicts, training, proposals."""
    plan = part.plan
    worker = Worker(
        stage, make_annotator(part.seed), plan.labels, plan.mend_strokes, plan.corrections, plan.take_regions
    )
    curve = []
    for number, quota in enumerate(quotas(plan, len(stage.images("train", "val"))), start=1):
        worker.work_round(quota=quota)
        is_last = number == plan.rounds
        for config in _configs(part) if is_last else [_config(plan)]:
            runs_left = plan.rounds - number + 1
            train_version(stage, config=config, seed=part.seed, clock=clock, runs_left=runs_left)
        if not is_last:
            propose(stage)
        point = measure(stage)
        curve.append(
            {
                "round": number,
                "annotator_seconds": round(worker.tally.seconds, 1),
                "num_images": len(worker.touched),
                "actions": dict(sorted(worker.tally.actions.items())),
                **point,
            }
        )
    tally = worker.tally
    return {
        "miou": curve[-1]["miou"],
        "per_class": curve[-1]["per_class"],
        "curve": curve,
        "annotator_seconds": round(tally.seconds, 1),
        "full_seconds": round(tally.full_seconds, 1),
        "actions": dict(sorted(tally.actions.items())),
        "names": sorted(tally.names),
    }


def _full(stage: Stage, part: Part, clock: Clock) -> Json:
    """Full masks of the weak arm's images; the better of one or two trainings by validation stays in use."""
    seconds = 0.0
    for image in stage.images("train", "val"):
        if image.name not in part.names:
            continue
        truth = truth_of(stage, image)
        seconds += full_mask_seconds(truth)
        mask = store_mask(image=image, data=encode_png(truth), origin="painted", by=stage.person)
        accept_mask(image=image, mask_sha256=mask.sha256, by=stage.person)
    configs = _configs(part)
    for number, config in enumerate(configs):
        train_version(
            stage,
            config=config,
            seed=part.seed,
            clock=clock,
            runs_left=len(configs) - number,
            mark_kinds=[],
        )
    found = measure(stage)
    best = configs[found["version"] - 1]
    return {
        "miou": found["miou"],
        "per_class": found["per_class"],
        "full_seconds": round(seconds, 1),
        "effort": best["effort"],
    }


def quotas(plan: Plan, available: int) -> list[int]:
    """New images a round: as even as can be, the first rounds one more where it does not divide."""
    total = min(plan.budget_images or available, available)
    each, rest = divmod(total, plan.rounds)
    return [each + (number < rest) for number in range(plan.rounds)]


def _configs(part: Part) -> list[Json]:
    """What the last training of either arm may be: as planned, and three times as long where that is tried.

    The application's own rule keeps the one that validates better.
    """
    plain = _config(part.plan)
    return [plain, plain | {"effort": "thorough", "steps": 3 * part.plan.steps}] if part.longer else [plain]


def _config(plan: Plan) -> Json:
    return {"effort": plan.effort, "image_size": plan.image_size, "steps": plan.steps}


def _versions(stage: Stage) -> list[Json]:
    """Each version with its validation and why it was or was not taken into use."""
    rows = ModelVersion.objects.filter(project=stage.project).select_related("run").order_by("number")
    return [
        {
            "number": row.number,
            "steps": row.run.total,
            "validation": {name: row.metrics["validation"][name] for name in ("value", "kind", "n")},
            "is_active": row.is_active,
            "note": row.note,
        }
        for row in rows
    ]
