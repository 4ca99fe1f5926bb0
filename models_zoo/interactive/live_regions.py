"""An unmarked thing far away does not light up because it looks like a marked one.

A class whose marks all lie in one connected region of its mask has, so far, been shown one thing: its other regions
are given back. Once marks lie in two regions, the person means all of their kind. C classes, h x w cells.
"""

from __future__ import annotations

import numpy as np

from models_zoo.interactive.finishing import without_excluded
from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.supervision import BoolArray, Supervision


def without_unmarked(scores: FloatArray, supervision: Supervision, background: int) -> FloatArray:
    """``scores`` (C, h, w) with classes at zero in regions that are given back, summing to 1 again."""
    best = scores.argmax(axis=0)
    given_back = np.zeros(scores.shape, np.bool_)
    for position in range(len(scores)):
        if position != background:
            given_back[position] = _unmarked(best == position, _shown(supervision, position))
    if not given_back.any():
        return scores
    # What no other class could have stays.
    possible = (scores > 0) & ~given_back
    given_back &= possible.any(axis=0)
    return without_excluded(supervision, np.where(given_back, np.float32(0), scores))


def _shown(supervision: Supervision, position: int) -> BoolArray:
    """Cells where somebody said the class is: strokes, points and boxes."""
    shown = np.asarray(supervision.seeds == position, np.bool_)
    for column, inside in supervision.boxes:
        if column == position:
            shown |= inside
    return shown


def _unmarked(mask: BoolArray, shown: BoolArray) -> BoolArray:
    """Regions (eight neighbours) of a mask that hold nothing shown, if exactly one does; else none."""
    import cv2

    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    marked = np.unique(labels[mask & shown])
    if len(marked) != 1:
        return np.zeros(mask.shape, np.bool_)
    unmarked: BoolArray = mask & (labels != marked[0])
    return unmarked
