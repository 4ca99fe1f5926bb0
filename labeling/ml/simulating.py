"""What a simulation needs of the zoo: the annotator who is not there, and how good a version is on truth."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from labeling.ml import snapshot, weights
from labeling.ml.predicting import batches, picture
from labeling.ml.running import Order
from labeling.models import Image, ModelVersion
from models_zoo import Cancelled, get_method, parse_config
from models_zoo.engine import fit, load_predictor
from models_zoo.metrics import segmentation_iou
from models_zoo.polish import polish
from models_zoo.simulation import COSTS, CostTable, SimulatedAnnotator, Verdict, full_mask_seconds

__all__ = ["COSTS", "SimulatedAnnotator", "Verdict", "full_mask_seconds", "make_annotator", "miou", "pace"]

LabelMap = npt.NDArray[np.uint8]

# Mending a wrong place of a mask is brushing over it, which takes what a squiggle takes: the zoo's table has the
# 2.5 s of a click, after which a method would still have to find the outline.
MENDING = COSTS.scribble
_TRIAL_STEPS = 6


def make_annotator(seed: int) -> SimulatedAnnotator:
    """The annotator of a seed: 2 % errors, 2 px of jitter, one stroke a class."""
    costs = CostTable(**{**vars(COSTS), "corrective_click": MENDING})
    return SimulatedAnnotator(seed=seed, costs=costs)


def miou(version: ModelVersion, images: Iterable[Image], truths: dict[int, LabelMap]) -> dict[str, Any]:
    """Mean IoU of polished predictions, given no marks, against the truth by image id.

    Returns miou, per_class and n, as `segmentation_iou` does.
    """
    predictor = load_predictor(weights.fetch(version), device=settings.DEVICE)
    pairs = []
    for batch in batches(images):
        shown = {image.pk: rgb for image in batch if (rgb := picture(image)) is not None}
        predictions = predictor.predict_batch(list(shown.values()))
        for (pk, rgb), prediction in zip(shown.items(), predictions, strict=True):
            pairs.append((truths[pk], polish(prediction, rgb, refiner=predictor.refiner).label_map))
    return dict(segmentation_iou(pairs, version.class_indices))


def pace(order: Order) -> tuple[float, int]:
    """Seconds a step and the number of steps that these settings would take, from a few trial steps."""
    steps: list[tuple[float, int]] = []

    class Trial:
        def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
            if done:
                steps.append((time.monotonic(), total))
            if len(steps) == _TRIAL_STEPS:
                raise Cancelled("measured")

    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        data = snapshot.materialise(order.snapshot, Path(folder) / "snapshot")
        config = parse_config(get_method(order.method), order.config)
        work = Path(folder) / "work"
        try:
            fit(
                method=order.method,
                config=config,
                snapshot_dir=data,
                work_dir=work,
                seed=0,
                device=settings.DEVICE,
                callbacks=Trial(),
            )
        except Cancelled:
            pass
    spent = steps[-1][0] - steps[0][0]
    return spent / max(1, len(steps) - 1), steps[-1][1]


def _scratch() -> Path:
    folder = Path(settings.SCRATCH_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
