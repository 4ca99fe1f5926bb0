"""Average precision of boxes and instance masks, by pycocotools and so as COCO counts it."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from models_zoo.label_map import coco_rle
from models_zoo.metrics.localisation import Box

MAX_DETECTIONS = 100


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One object, true or found: its box [x0, y0, x1, y1] or its mask, bool (H, W), or both.

    ``score`` of a found one, higher is surer. A true ``crowd`` is neither missed nor does it make a
    detection inside it wrong.
    """

    class_index: int
    box: Box | None = None
    mask: npt.NDArray[np.bool_] | None = None
    score: float = 1.0
    crowd: bool = False


class ApResult(TypedDict):
    """`ap` is the mean over IoU thresholds 0.50, 0.55 … 0.95 and classes, `ap50` and `ap75` at one threshold.

    None where no image has a true object of the class asked about; such classes are in no mean. `n` counts true
    objects that are no crowds.
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    per_class: dict[int, float]
    n: int


def average_precision(
    images: Sequence[tuple[Sequence[Instance], Sequence[Instance]]],
    class_indices: Collection[int],
    *,
    by: Literal["box", "mask"],
    max_detections: int = MAX_DETECTIONS,
) -> ApResult:
    """AP over images of (true, found) instances.

    Args:
        images: masks of one image must be of one size.
        class_indices: classes to report; instances of others are left out.
        by: whether boxes or masks are compared.
        max_detections: the surest that are looked at, an image and class; raise it for images of many objects.

    Raises:
        ValueError: an instance without a box or mask, a box or score that is none, no class, masks of unequal size.
    """
    wanted = sorted(set(class_indices))
    if not wanted:
        raise ValueError("class_indices must name at least one class")
    if max_detections < 1:
        raise ValueError("max_detections must be 1 or more")
    for number, (true, found_here) in enumerate(images):
        shapes = {one.mask.shape for one in (*true, *found_here) if one.mask is not None}
        if by == "mask" and len(shapes) > 1:
            raise ValueError(f"masks of image {number} must be of one size, not of {sorted(shapes)}")
    truths = _annotations([true for true, _ in images], wanted, by)
    found = _annotations([found for _, found in images], wanted, by)
    n = sum(not row["iscrowd"] for row in truths)
    if not n:
        return {"ap": None, "ap50": None, "ap75": None, "per_class": {}, "n": 0}
    precision, thresholds = _evaluate(len(images), truths, found, wanted, by, max_detections)
    per_class = {index: _mean(precision[:, :, place]) for place, index in enumerate(wanted)}
    return {
        "ap": _mean(precision),
        "ap50": _mean(precision[np.isclose(thresholds, 0.5)]),
        "ap75": _mean(precision[np.isclose(thresholds, 0.75)]),
        "per_class": {index: value for index, value in per_class.items() if value is not None},
        "n": n,
    }


def _annotations(images: Sequence[Sequence[Instance]], wanted: list[int], by: str) -> list[dict[str, Any]]:
    """COCO's form of the instances; ids count from 1, for 0 means "no match" to pycocotools."""
    rows: list[dict[str, Any]] = []
    for number, instances in enumerate(images):
        for instance in instances:
            if instance.class_index in wanted:
                shape = _by_box(instance) if by == "box" else _by_mask(instance)
                rows.append(
                    shape
                    | {
                        "id": len(rows) + 1,
                        "image_id": number + 1,
                        "category_id": instance.class_index,
                        "iscrowd": int(instance.crowd),
                        "score": _score(instance),
                    }
                )
    return rows


def _score(instance: Instance) -> float:
    if not math.isfinite(instance.score):
        raise ValueError(f"the score of an instance must be a number, not {instance.score}")
    return float(instance.score)


def _by_box(instance: Instance) -> dict[str, Any]:
    box = instance.box
    if box is None:
        raise ValueError("comparing boxes needs a box on every instance; give boxes or compare masks")
    if not all(math.isfinite(value) for value in box) or box[2] < box[0] or box[3] < box[1]:
        raise ValueError(f"a box is x0, y0, x1, y1 with x0 <= x1 and y0 <= y1, not {box}")
    x0, y0, x1, y1 = (float(value) for value in box)
    return {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}


def _by_mask(instance: Instance) -> dict[str, Any]:
    if instance.mask is None:
        raise ValueError("comparing masks needs a mask on every instance; give masks or compare boxes")
    return {"segmentation": coco_rle(instance.mask), "area": float(np.count_nonzero(instance.mask))}


def _evaluate(
    count: int, truths: list[dict[str, Any]], found: list[dict[str, Any]], wanted: list[int], by: str, most: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Precision (thresholds, recalls, classes) at every recall, -1 for classes without objects; and the thresholds."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    # Sizes are asked for but not used: boxes have none, and packed masks bring their own.
    pictures = [{"id": number + 1, "height": 1, "width": 1} for number in range(count)]
    categories = [{"id": index} for index in wanted]
    with contextlib.redirect_stdout(io.StringIO()):  # it reports progress there
        sets = []
        for rows in (truths, found):
            one = COCO()
            one.dataset = {"images": pictures, "categories": categories, "annotations": rows}
            one.createIndex()
            sets.append(one)
        run = COCOeval(*sets, iouType="bbox" if by == "box" else "segm")
        run.params.maxDets = [most]
        run.params.areaRng, run.params.areaRngLbl = [[0, 1e10]], ["all"]
        run.evaluate()
        run.accumulate()
    return np.asarray(run.eval["precision"][:, :, :, 0, 0], np.float64), np.asarray(run.params.iouThrs, np.float64)


def _mean(precision: npt.NDArray[np.float64]) -> float | None:
    """Over what is defined; None where nothing is."""
    known = precision[precision > -1]
    return float(known.mean()) if known.size else None
