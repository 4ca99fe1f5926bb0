"""From scores on the grid to a proposal at full size, shared by the interactive segmenters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.interactive.enlarging import Enlarger
from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.supervision import Supervision
from models_zoo.interactive.types import InteractiveResult
from models_zoo.label_map import LabelMap
from models_zoo.marks import IGNORE, UNLABELLED, WeakLabels

_MIN_BOX_SHARE = 0.3


def without_excluded(supervision: Supervision, scores: FloatArray) -> FloatArray:
    """Scores with excluded classes at zero, summing to 1 wherever a class is left."""
    if supervision.excluded.any():
        scores = np.where(supervision.excluded, np.float32(0), scores)
    total = scores.sum(axis=0, keepdims=True)
    return np.asarray(np.divide(scores, total, out=np.zeros_like(scores), where=total > 0), np.float32)


def _winners(supervision: Supervision, scores: FloatArray) -> tuple[LabelMap, FloatArray]:
    """Class of each cell, uint8 (h, w), and its lead over the second best, float (h, w) in 0..1."""
    classes = np.array(supervision.classes, np.uint8)
    best = scores.argmax(axis=0)
    top = scores.max(axis=0)
    lead = top if len(scores) == 1 else top - np.partition(scores, -2, axis=0)[-2]
    for position, inside in supervision.boxes:
        if not (inside & (best == position)).any():
            best[_best_of_box(scores[position], inside & ~supervision.excluded[position])] = position
    labels = classes[best]
    labels[top <= 0] = IGNORE
    return labels, np.asarray(lead, np.float32)


def _best_of_box(score: FloatArray, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The cells of a box likeliest to hold its class: somebody said that something is there."""
    if not inside.any():
        return inside
    return inside & (score >= np.quantile(score[inside], 1 - _MIN_BOX_SHARE))


def finish(
    enlarger: Enlarger,
    supervision: Supervision,
    scores: FloatArray,
    full: WeakLabels,
    possible: frozenset[int],
) -> InteractiveResult:
    """Arg-max on the grid, enlarge, and put what the person said on top.

    ``scores`` (C, h, w) with excluded classes at zero; ``full`` the marks drawn at full size;
    ``possible`` the classes that may appear.
    """
    import cv2

    labels, lead = _winners(supervision, scores)
    label_map = enlarger.enlarge(labels, scores, supervision.classes)
    grey = np.rint(np.clip(lead, 0, 1) * 254).astype(np.uint8)
    confidence = np.asarray(cv2.resize(grey, enlarger.size, interpolation=cv2.INTER_LINEAR), np.uint8)
    _clamp(label_map, confidence, full, possible)
    return InteractiveResult(label_map, confidence, scores.astype(np.float16), supervision.classes)


def _clamp(label_map: LabelMap, confidence: npt.NDArray[np.uint8], full: WeakLabels, possible: frozenset[int]) -> None:
    """Put what a person said about a pixel above everything computed, in place."""
    for class_index, where in full.negatives.items():
        wrong = where & (label_map == class_index)
        if wrong.any():
            others = possible - {class_index}
            label_map[wrong] = next(iter(others)) if len(others) == 1 else IGNORE
    marked = full.seeds != UNLABELLED
    for class_index in full.seeded() - possible:
        marked &= full.seeds != class_index
    label_map[marked] = full.seeds[marked]
    confidence[marked] = 255


def nothing_marked(enlarger: Enlarger, grid: tuple[int, int], possible: frozenset[int]) -> InteractiveResult:
    """No class has been marked: one possible class fills the image, else nothing is proposed."""
    width, height = enlarger.size
    value = next(iter(possible)) if len(possible) == 1 else IGNORE
    label_map = np.full((height, width), value, np.uint8)
    confidence = np.zeros((height, width), np.uint8)
    classes = tuple(sorted(possible))
    scores = np.full((len(classes), grid[1], grid[0]), 1 / max(1, len(classes)), np.float16)
    return InteractiveResult(label_map, confidence, scores, classes)
