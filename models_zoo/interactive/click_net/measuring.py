"""How good a trained click network is: the overlap after so many clicks, on images it did not learn from.

The person is simulated as the *number of clicks* protocol has it (Xu et al., CVPR 2016): the first click in the middle
of the object, each further one in the middle of the largest mistake. An object is the largest connected piece of a
class, as the network answers for what was clicked and not for all that is like it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models_zoo.data.dataset import load_mask, load_rgb
from models_zoo.engine.evaluate import Validation
from models_zoo.errors import TrainingError
from models_zoo.interactive.click_net.clicks import next_click
from models_zoo.interactive.click_net.folder import folder_things
from models_zoo.interactive.click_net.objects import largest_classes, largest_piece
from models_zoo.interactive.types import ImageContext, InteractiveSegmenter, SegmenterFileError, create_segmenter
from models_zoo.marks import IGNORE, Mark, Point
from models_zoo.simulation.strokes import BoolArray
from models_zoo.snapshot import Snapshot, read

CLICKS = 3
"""After so many the overlap is what a version is judged by."""
MAX_CLICKS = 20
_MAX_IMAGES = 60
_MAX_OBJECTS = 3
_MIN_SHARE = 0.005
_GROUND, _OBJECT = 0, 1


@dataclass(frozen=True)
class _Thing:
    """The largest connected piece of one class of one image."""

    image: str
    class_index: int
    rgb: npt.NDArray[np.uint8]
    truth: BoolArray
    valid: BoolArray


def click_through(
    segmenter: InteractiveSegmenter, truth: BoolArray, valid: BoolArray, *, clicks: int, enough: float = 1.0
) -> list[float]:
    """IoU after each click, until there is no mistake or it is ``enough``; the image is set with classes 0 and 1."""
    marks, scores, answer = list[Mark](), list[float](), np.zeros_like(truth)
    free = valid.copy()
    while len(scores) < clicks and (not scores or scores[-1] < enough):
        found = next_click(answer, truth, free)
        if found is None:
            break
        (x, y), is_positive = found
        free[int(y), int(x)] = False
        marks.append(Point(_OBJECT if is_positive else _GROUND, 1, float(x), float(y)))
        answer = segmenter.segment(marks, allowed=(_GROUND, _OBJECT)).label_map == _OBJECT
        union = np.count_nonzero((answer | truth) & valid)
        scores.append(np.count_nonzero(answer & truth & valid) / union if union else 1.0)
    return scores


def clicks_needed(scores: list[float], target: float) -> int:
    """The first click after which the IoU is ``target`` or more; 20 if never."""
    return next((number for number, score in enumerate(scores, start=1) if score >= target), MAX_CLICKS)


def validate_clicks(weights_dir: Path, snapshot_dir: Path, *, check: Callable[[], None] = lambda: None) -> Validation:
    """Mean IoU after three clicks on the largest piece of each class of at most 60 val images with accepted masks.

    `check` is called before each image and may raise to stop. ``value`` is None where val has no accepted mask.
    """
    snapshot = read(snapshot_dir)
    segmenter = _segmenter(weights_dir)
    scores, images = defaultdict[int, list[float]](list), set[str]()
    for thing in _things(snapshot, check):
        segmenter.set_image(ImageContext(rgb=thing.rgb, class_indices=(_GROUND, _OBJECT), background=_GROUND))
        found = click_through(segmenter, thing.truth, thing.valid, clicks=CLICKS)
        scores[thing.class_index].append(found[-1] if found else 0.0)
        images.add(thing.image)
    every = [score for part in scores.values() for score in part]
    return {
        "value": float(np.mean(every)) if every else None,
        "kind": "click_iou",
        "n": len(images),
        "per_class": {index: float(np.mean(part)) for index, part in sorted(scores.items())},
    }


def measure_folder(weights_dir: Path, folder: Path, *, limit: int = 0) -> dict[str, float]:
    """NoC at 0.85 and 0.90, mean IoU after 1, 3 and 5 clicks, and how many objects, on a folder's pictures.

    Raises TrainingError for a folder or weights that cannot be used.
    """
    segmenter = _segmenter(weights_dir)
    every: list[list[float]] = []
    for rgb, labels, index in folder_things(folder, limit=limit, objects=_MAX_OBJECTS, min_share=_MIN_SHARE):
        segmenter.set_image(ImageContext(rgb=rgb, class_indices=(_GROUND, _OBJECT), background=_GROUND))
        truth, valid = largest_piece(labels == index), labels != IGNORE
        every.append(click_through(segmenter, truth, valid, clicks=MAX_CLICKS, enough=0.9))
    if not every:
        raise TrainingError(f"{folder} has no object large enough to be clicked: give pictures with masks")
    figures = {f"noc{round(100 * t)}": float(np.mean([clicks_needed(s, t) for s in every])) for t in (0.85, 0.90)}
    figures |= {f"iou{k}": float(np.mean([s[min(k, len(s)) - 1] if s else 0.0 for s in every])) for k in (1, 3, 5)}
    return {**figures, "objects": float(len(every))}


def _segmenter(weights_dir: Path) -> InteractiveSegmenter:
    try:
        return create_segmenter("click_net", {"weights": weights_dir})
    except SegmenterFileError as error:
        raise TrainingError(str(error).rstrip(".")) from error


def _things(snapshot: Snapshot, check: Callable[[], None]) -> Iterator[_Thing]:
    images = [image for image in snapshot.split("val") if image.mask is not None]
    step = max(1, len(images) // _MAX_IMAGES)
    for image in images[::step][:_MAX_IMAGES]:
        check()
        rgb = load_rgb(snapshot.path(image.file))
        labels = load_mask(snapshot.path(str(image.mask)), (image.width, image.height))
        labels = np.where(np.isin(labels, snapshot.class_indices), labels, np.uint8(IGNORE))
        for index in largest_classes(labels, snapshot.background, limit=_MAX_OBJECTS, min_share=_MIN_SHARE):
            yield _Thing(image.id, index, rgb, largest_piece(labels == index), labels != IGNORE)
