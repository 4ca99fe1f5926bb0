"""The learned decoder's part in the live head: which classes it is asked for, and how its answers become probabilities.

C classes that compete, h x w cells of the grid, H x W of the half grid.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models_zoo.interactive.answering import PreparedImage
from models_zoo.interactive.finishing import without_excluded
from models_zoo.interactive.live_maps import PictureMaps, logit, relational_maps
from models_zoo.interactive.live_regions import shown, without_unmarked
from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.supervision import Supervision

Decode = Callable[[FloatArray, FloatArray], FloatArray | None]
"""From maps (CHANNELS, H, W) and the walk's log odds (h, w) to the class's probabilities (h, w); None: leave it."""

MAX_DECODED = 4
"""Classes that are decoded in one solve, the first of those marked: each costs the browser some milliseconds."""

_MAX_SIDE = 128
"""The decoder reads no larger grid."""

_LEAST_REST = 1e-6
"""Of the background, so that something is left where a class that may not be is all there is."""


def decoded(
    image: PreparedImage,
    picture: PictureMaps,
    supervision: Supervision,
    *,
    fit: FloatArray,
    walked: FloatArray,
    background: int,
    decode: Decode,
) -> FloatArray:
    """Probabilities (C, h, w) from the ridge's targets and the walk's probabilities, both (C, h, w).

    Each marked class is decoded against the rest; ``background``, the column for all else, gets what they leave.
    """
    kept = without_unmarked(walked, supervision, background)
    if max(image.grid) > _MAX_SIDE:
        return kept
    scores = kept.copy()
    foreground = [position for position in range(len(walked)) if position != background]
    marked = [position for position in foreground if shown(supervision, position).any()]
    for own in marked[:MAX_DECODED]:
        maps = relational_maps(image, picture, supervision, fit=fit, walked=walked, kept=kept, own=own)
        answer = decode(maps, logit(walked[own]))
        if answer is not None:
            seeded = supervision.seeds >= 0
            scores[own] = np.where(seeded, supervision.seeds == own, answer)
    scores[background] = np.maximum(_LEAST_REST, 1 - scores[foreground].sum(axis=0))
    # An unmarked thing that is alike must not light up, whatever was learned.
    return without_unmarked(without_excluded(supervision, scores), supervision, background)
