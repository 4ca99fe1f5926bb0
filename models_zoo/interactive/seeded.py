"""What the random walker and the geodesic distance share: they know seeds on the grid and the image's colours.

Whatever the marks say is brought to seeds: marked cells, cells that only one class is left for (outside a box), and
the guesses about classes that nobody stroked (the middle of a box, cells unlike all marks).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from models_zoo.features import grid_size
from models_zoo.interactive.answering import PreparedImage, answer
from models_zoo.interactive.enlarging import Enlarger
from models_zoo.interactive.finishing import without_excluded
from models_zoo.interactive.pixel_features import FloatArray, lab_image, plain_columns
from models_zoo.interactive.supervision import Supervision
from models_zoo.interactive.types import ImageContext, InteractiveResult
from models_zoo.label_map import LabelMap
from models_zoo.marks import Mark

Seeds = npt.NDArray[np.int16]
Ground = TypeVar("Ground")


@dataclass(frozen=True, kw_only=True)
class _Prepared(PreparedImage, Generic[Ground]):
    ground: Ground


class SeededSegmenter(Generic[Ground]):
    """An InteractiveSegmenter made of two functions.

    ``prepare`` turns CIELAB on the grid (h, w, 3) into what does not depend on marks; ``spread`` takes that, the seeds
    (h, w; a column's position, -1 elsewhere) and the number of columns C, and gives probabilities (C, h, w).
    """

    def __init__(
        self, prepare: Callable[[FloatArray], Ground], spread: Callable[[Ground, Seeds, int], FloatArray]
    ) -> None:
        self._prepare, self._spread = prepare, spread
        self._image: _Prepared[Ground] | None = None

    def set_image(self, image: ImageContext) -> None:
        """Prepare an image; its features and prior are not used."""
        grid = grid_size(image.rgb.shape[1], image.rgb.shape[0])
        lab = lab_image(image.rgb, *grid)
        self._image = _Prepared(
            context=image,
            plain=plain_columns(None, lab),
            enlarger=Enlarger(image.rgb, lab),
            grid=grid,
            ground=self._prepare(lab),
        )

    def segment(
        self, marks: Sequence[Mark], *, allowed: Collection[int], previous: LabelMap | None = None
    ) -> InteractiveResult:
        """Propose a mask from all marks; `previous` is not needed, the answer depends on the marks alone."""
        if self._image is None:
            raise RuntimeError("call set_image before segment")
        ground = self._image.ground

        def score(supervision: Supervision) -> FloatArray:
            scores = self._spread(ground, seeds_of(supervision), len(supervision.classes))
            return without_excluded(supervision, scores)

        return answer(self._image, marks, allowed=allowed, score=score)


def seeds_of(supervision: Supervision) -> Seeds:
    """Column of each cell that is known or taught to be of one, (h, w), -1 elsewhere; what is known goes first."""
    seeds = np.full(supervision.seeds.shape, -1, np.int16)
    wins = supervision.targets.max(axis=1, initial=0) > 0
    seeds.flat[supervision.cells[wins]] = supervision.targets[wins].argmax(axis=1)
    left = ~supervision.excluded
    # One column alone needs no exclusion to be the only one left.
    only = left.sum(axis=0) == 1 if len(left) > 1 else np.zeros(seeds.shape, np.bool_)
    seeds[only] = left.argmax(axis=0)[only]
    known = supervision.seeds >= 0
    seeds[known] = supervision.seeds[known]
    return seeds
