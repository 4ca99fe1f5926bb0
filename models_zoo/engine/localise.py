"""How well a model's masks find objects, as boxes: CorLoc, GT-known and top-1 localisation on the val split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from models_zoo.data.dataset import load_mask, load_rgb
from models_zoo.engine.evaluate import Predictor
from models_zoo.marks import Box as BoxMark
from models_zoo.methods.base import Prediction
from models_zoo.metrics.localisation import Box, LocalisedImage, corloc, known_localisation
from models_zoo.seeds.boxes import largest_box, region_boxes
from models_zoo.snapshot import Snapshot, SnapshotImage, read

THRESHOLD = 0.5
"""Height of a class's probabilities, stretched to 0..1 in each image, from which on they are of its object."""
_TOP_SHARE = 0.05
_CHUNK = 8


class Localisation(TypedDict):
    """Shares of the `n` images that show an object, None without any; see `metrics.localisation`."""

    corloc: float | None
    gt_known: float | None
    top1: float | None
    n: int


def localise(
    predictor: Predictor, snapshot_dir: Path, *, threshold: float = THRESHOLD, check: Callable[[], None] = lambda: None
) -> Localisation:
    """Measure a model's boxes on the val split, against boxes people drew, or else against the regions of masks.

    The background class has no objects. `check` is called every few images and may raise to stop.

    Raises:
        SnapshotError: the snapshot cannot be read.
        TrainingError: a picture or a mask cannot.
        ValueError: a threshold outside of 0 to 1.
    """
    snapshot = read(snapshot_dir)
    objects = {item.index for item in snapshot.classes if not item.is_background}
    asked = [(image, true_boxes(snapshot, image, objects)) for image in snapshot.split("val")]
    asked = [(image, truth) for image, truth in asked if truth]
    found: list[LocalisedImage] = []
    for start in range(0, len(asked), _CHUNK):
        check()
        chunk = asked[start : start + _CHUNK]
        predictions = predictor.predict_batch([load_rgb(snapshot.path(image.file)) for image, _ in chunk])
        for (image, truth), prediction in zip(chunk, predictions, strict=True):
            boxes = found_boxes(prediction, objects, (image.width, image.height), threshold)
            found.append(LocalisedImage(truth=truth, found=boxes, top_class=surest_class(prediction, objects)))
    known = known_localisation(found)
    return {"corloc": corloc(found)["corloc"], **known}


def true_boxes(snapshot: Snapshot, image: SnapshotImage, objects: set[int]) -> dict[int, list[Box]]:
    """Boxes of the objects of each class: as people drew them; where nobody did, round the regions of the mask."""
    boxes: dict[int, list[Box]] = {}
    for mark in image.marks:
        if isinstance(mark, BoxMark) and mark.sign > 0 and mark.class_index in objects:
            boxes.setdefault(mark.class_index, []).append((mark.x0, mark.y0, mark.x1, mark.y1))
    if boxes or image.mask is None:
        return boxes
    mask = load_mask(snapshot.path(image.mask), (image.width, image.height))
    return {index: region_boxes(mask == index) for index in sorted(objects & set(np.unique(mask).tolist()))}


def found_boxes(prediction: Prediction, objects: set[int], size: tuple[int, int], threshold: float) -> dict[int, Box]:
    """A model's best box of each class in an image of that (width, height)."""
    boxes = {}
    for index, probability in zip(prediction.class_indices, prediction.probabilities, strict=True):
        box = largest_box(probability, size=size, threshold=threshold) if index in objects else None
        if box is not None:
            boxes[index] = box
    return boxes


def surest_class(prediction: Prediction, objects: set[int]) -> int | None:
    """The class of `objects` with the highest mean over its surest twentieth of the cells."""
    pairs = zip(prediction.class_indices, prediction.probabilities, strict=True)
    heights = {index: _top_mean(probability) for index, probability in pairs if index in objects}
    return max(heights, key=heights.__getitem__, default=None)


def _top_mean(probability: npt.NDArray[np.float32]) -> float:
    cells = np.sort(probability, axis=None)
    return float(cells[-max(1, round(_TOP_SHARE * cells.size)) :].mean())
