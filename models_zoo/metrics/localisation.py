"""Whether a box drawn by a model that never saw one hits its object: CorLoc and GT-known localisation.

CorLoc (Deselaers, Alexe and Ferrari, IJCV 2012) asks, a class at a time, in which share of the images that show the
class its best box hits an object of it. GT-known localisation (Choe et al., CVPR 2020) asks the same of each image
with its one class given, and top-1 localisation also that the class was right. Boxes are [x0, y0, x1, y1],
half-open, in image pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from models_zoo.metrics.confusion import mean_of

Box = tuple[float, float, float, float]

HIT_IOU = 0.5


@dataclass(frozen=True, kw_only=True)
class LocalisedImage:
    """One image: the true boxes of each class it shows, and the model's best box of each class it named."""

    truth: Mapping[int, Sequence[Box]]
    found: Mapping[int, Box] = field(default_factory=dict)
    top_class: int | None = None


class CorLocResult(TypedDict):
    """`corloc` is the mean over classes that any image shows, None without one; `n` images that show a class."""

    corloc: float | None
    per_class: dict[int, float]
    n: int


class KnownLocalisationResult(TypedDict):
    """Shares of the `n` images that show one class or more; None without any."""

    gt_known: float | None
    top1: float | None
    n: int


def box_iou(one: Box, other: Box) -> float:
    """Intersection over union; 0 where both are empty. Raises ValueError for a box that is none."""
    for box in (one, other):
        if len(box) != 4 or not all(math.isfinite(value) for value in box) or box[2] < box[0] or box[3] < box[1]:
            raise ValueError(f"a box is x0, y0, x1, y1 with x0 <= x1 and y0 <= y1, not {tuple(box)}")
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    met = max(0.0, width) * max(0.0, height)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - met
    return met / union if union > 0 else 0.0


def _hits(image: LocalisedImage, class_index: int, least: float) -> bool:
    found = image.found.get(class_index)
    return found is not None and any(box_iou(found, box) >= least for box in image.truth[class_index])


def corloc(images: Sequence[LocalisedImage], *, least_iou: float = HIT_IOU) -> CorLocResult:
    """Share of the images with a class on which its box hits one of its objects; an image without a box misses.

    Classes that an image does not show are not asked about.
    """
    shown: dict[int, list[bool]] = {}
    for image in images:
        for class_index, boxes in image.truth.items():
            if boxes:
                shown.setdefault(class_index, []).append(_hits(image, class_index, least_iou))
    per_class = {index: sum(hits) / len(hits) for index, hits in sorted(shown.items())}
    return {"corloc": mean_of(per_class), "per_class": per_class, "n": sum(any(i.truth.values()) for i in images)}


def known_localisation(images: Sequence[LocalisedImage], *, least_iou: float = HIT_IOU) -> KnownLocalisationResult:
    """GT-known: a box of a class that is there hits an object of it. Top-1: that of the class named first does."""
    counted = [image for image in images if any(image.truth.values())]
    if not counted:
        return {"gt_known": None, "top1": None, "n": 0}
    known = top = 0
    for image in counted:
        hit = {index for index, boxes in image.truth.items() if boxes and _hits(image, index, least_iou)}
        known += bool(hit)
        top += image.top_class in hit
    return {"gt_known": known / len(counted), "top1": top / len(counted), "n": len(counted)}
