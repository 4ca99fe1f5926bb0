"""An unmarked thing far away lights up only in a crowd that is as much like the class as the marked thing is.

A class whose marks all lie in one connected region of its mask has, so far, been shown one thing, and its other regions
are given back: what merely resembles a thing is seldom meant. They stay where there are several of a size and the
scores lead in them about as clearly as in the unmarked part of the marked region: nuclei, coins, cars in a row. A third
stroke in the same region says that this one is meant; once marks lie in two regions, all of their kind are. C classes,
h x w cells.
"""

from __future__ import annotations

import numpy as np

from models_zoo.interactive.finishing import without_excluded
from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.supervision import BoolArray, Supervision

# Found on pictures that the benchmark leaves out (docs/benchmarks.md): the least lead, as a share of that inside the
# marked region, and how many regions of at least what share of its size make a crowd, after how many strokes at most.
_ALIKE = 0.7
_CROWD, _CROWD_SIZE = 2, 0.1
_FEW_STROKES = 2


def without_unmarked(scores: FloatArray, supervision: Supervision, background: int) -> FloatArray:
    """``scores`` (C, h, w) with classes at zero in regions that are given back, summing to 1 again."""
    best = scores.argmax(axis=0)
    given_back = np.zeros(scores.shape, np.bool_)
    for position in range(len(scores)):
        if position != background:
            given_back[position] = _unmarked(scores, position, best == position, shown(supervision, position))
    if not given_back.any():
        return scores
    # What no other class could have stays.
    possible = (scores > 0) & ~given_back
    given_back &= possible.any(axis=0)
    return without_excluded(supervision, np.where(given_back, np.float32(0), scores))


def shown(supervision: Supervision, position: int) -> BoolArray:
    """Cells where somebody said the class is: strokes, points and boxes."""
    shown = np.asarray(supervision.seeds == position, np.bool_)
    for column, inside in supervision.boxes:
        if column == position:
            shown |= inside
    return shown


def _unmarked(scores: FloatArray, position: int, mask: BoolArray, shown: BoolArray) -> BoolArray:
    """Regions (eight neighbours) of a mask that hold nothing shown, if exactly one does; none if they are a crowd."""
    import cv2

    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    sizes = np.bincount(labels.ravel(), minlength=count)
    marked = np.unique(labels[mask & shown])
    if len(marked) != 1:
        return np.zeros(mask.shape, np.bool_)
    near: BoolArray = labels == marked[0]
    far: BoolArray = mask & ~near
    alike = np.count_nonzero(sizes[1:] >= _CROWD_SIZE * sizes[marked[0]]) - 1
    strokes = cv2.connectedComponents(shown.astype(np.uint8), connectivity=8)[0] - 1
    if alike >= _CROWD and strokes <= _FEW_STROKES and _alike(scores, position, far, near, shown):
        return np.zeros_like(far)
    return far


def _alike(scores: FloatArray, position: int, far: BoolArray, near: BoolArray, shown: BoolArray) -> bool:
    """Whether the class leads about as clearly in ``far`` as in ``near``, where nobody said so."""
    lead = scores[position] - np.delete(scores, position, axis=0).max(axis=0)
    guessed = near & ~shown
    known = lead[guessed if guessed.any() else near]
    return float(lead[far].mean()) > _ALIKE * float(known.mean())
