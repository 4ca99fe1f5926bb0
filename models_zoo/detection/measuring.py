"""How good a detector is: average precision of its boxes on images that a person boxed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models_zoo.data.dataset import load_rgb
from models_zoo.detection.data import boxes_of
from models_zoo.detection.finding import BoxFinder, load_finder
from models_zoo.engine import checkpoint
from models_zoo.engine.evaluate import Validation
from models_zoo.errors import TrainingError
from models_zoo.metrics.average_precision import Instance, average_precision
from models_zoo.snapshot import read


def validate_boxes(
    weights_dir: Path, snapshot_dir: Path, *, device: str = "auto", check: Callable[[], None] = lambda: None
) -> Validation:
    """AP (as COCO counts it) on the boxed images of the val split, with AP50 and AP75.

    `check` is called before each image and may raise to stop. ``value`` is None where val has no boxed image.
    """
    try:
        finder = load_finder(weights_dir, device)
    except checkpoint.CheckpointError as error:
        raise TrainingError(f"the detector cannot be measured: {error}") from error
    return measure_boxes(finder, snapshot_dir, check)


def measure_boxes(finder: BoxFinder, snapshot_dir: Path, check: Callable[[], None] = lambda: None) -> Validation:
    """As `validate_boxes`, of a detector that is loaded."""
    snapshot = read(snapshot_dir)
    pairs: list[tuple[list[Instance], list[Instance]]] = []
    for image in snapshot.split("val"):
        true = [
            Instance(class_index=box.class_index, box=(box.x0, box.y0, box.x1, box.y1))
            for box in boxes_of(image, finder.objects)
        ]
        if true:
            check()
            pairs.append((true, finder.find(load_rgb(snapshot.path(image.file)))))
    if not pairs:
        return {"value": None, "kind": "box_ap", "n": 0, "per_class": {}}
    found = average_precision(pairs, finder.objects, by="box")
    return {
        "value": found["ap"],
        "kind": "box_ap",
        "n": len(pairs),
        "per_class": found["per_class"],
        "ap50": found["ap50"],
        "ap75": found["ap75"],
    }
