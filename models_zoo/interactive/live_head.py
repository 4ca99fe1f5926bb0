"""The live head: a pixel classifier fitted to this image's marks, then spread along its colours.

Before the first mark (`set_image`): deep features, colour and place of each cell of the stride-4 grid are brought to
one scale. At each mark (`segment`): kernel ridge regression on the marked cells scores every cell, and a screened
random walk on colour edges spreads the scores; things that nobody marked are given back to the background, as a small
learned decoder sees it (`live_decoder`); what is left is enlarged with the image's own edges.

Shape letters: C classes that compete, h x w cells, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from models_zoo.features import grid_size
from models_zoo.interactive.answering import PreparedImage, answer
from models_zoo.interactive.decoding import Decode, decoded
from models_zoo.interactive.enlarging import Enlarger
from models_zoo.interactive.finishing import without_excluded
from models_zoo.interactive.live_kernel import fit_kernel
from models_zoo.interactive.live_maps import PictureMaps, picture_maps
from models_zoo.interactive.pixel_features import FloatArray, lab_image, plain_columns
from models_zoo.interactive.prior import UNSEEN
from models_zoo.interactive.random_walk import GridGraph, build_graph, random_walk
from models_zoo.interactive.supervision import Supervision
from models_zoo.interactive.types import ImageContext, InteractiveResult
from models_zoo.label_map import LabelMap
from models_zoo.marks import IGNORE, Mark

_GAIN = 5.0
_PRIOR_WEIGHT = 1.0
_PRIOR_FLOOR = 1e-3
_WALK_STEPS = 12


@dataclass(frozen=True, kw_only=True)
class _Prepared(PreparedImage):
    """An image ready for marks."""

    graph: GridGraph
    prior: dict[int, FloatArray] | None

    @cached_property
    def picture(self) -> PictureMaps:
        """What the decoder reads of the image alone."""
        return picture_maps(self)


class LiveHead:
    """InteractiveSegmenter "live_head"."""

    def __init__(self, *, all_similar: bool = False, decode: Decode | None = None) -> None:
        """``all_similar``: whatever looks like a marked thing may be proposed, however far; otherwise what the decoder
        makes of it. ``decode``: another decoder than the one with the weights that come with the package."""
        self._all_similar = all_similar
        self._decode = decode or _packaged_decoder()
        self._image: _Prepared | None = None

    def set_image(self, image: ImageContext) -> None:
        """Prepare an image; with no features, colour and texture stand in for them."""
        self._image = _prepare(image)

    def segment(
        self, marks: Sequence[Mark], *, allowed: Collection[int], previous: LabelMap | None = None
    ) -> InteractiveResult:
        """Propose a mask from all marks; `previous` is not needed, the answer depends on the marks alone."""
        if self._image is None:
            raise RuntimeError("call set_image before segment")
        image = self._image
        return answer(
            image,
            marks,
            allowed=allowed,
            score=lambda supervision: self._score(image, supervision),
            seen=image.prior,
        )

    def _score(self, image: _Prepared, supervision: Supervision) -> FloatArray:
        """Probabilities (C, h, w)."""
        fit = fit_kernel(image.plain, supervision)
        walked = _spread(image, supervision, fit)
        background = _background_column(supervision, image.context.background)
        # Where a model has its say, it knows of things that nobody marked.
        if self._all_similar or background is None or image.prior is not None:
            return walked
        return decoded(
            image, image.picture, supervision, fit=fit, walked=walked, background=background, decode=self._decode
        )


def _prepare(image: ImageContext) -> _Prepared:
    """All that can be computed before the first mark."""
    height, width = image.rgb.shape[:2]
    grid = grid_size(width, height)
    if image.features is not None:
        grid = image.features.values.shape[2], image.features.values.shape[1]
    lab = lab_image(image.rgb, *grid)
    plain = plain_columns(image.features, lab)
    return _Prepared(
        context=image,
        plain=plain,
        graph=build_graph(lab),
        enlarger=Enlarger(image.rgb, lab),
        prior=_prior_maps(image, grid),
        grid=grid,
    )


def _packaged_decoder() -> Decode:
    """With the weights that come with the package."""
    from models_zoo.interactive.live_decoder import decode, load_weights

    return partial(decode, load_weights())


def _spread(image: _Prepared, supervision: Supervision, fit: FloatArray) -> FloatArray:
    """Probabilities (C, h, w) from the fitted targets, which a prior shifts and the walk spreads."""
    logits = np.float32(_GAIN) * fit
    if image.prior is not None:
        for position, index in enumerate(supervision.classes):
            known = image.prior.get(index, np.float32(UNSEEN))
            logits[position] += np.float32(_PRIOR_WEIGHT) * np.log(np.maximum(known, np.float32(_PRIOR_FLOOR)))
    scores = without_excluded(supervision, _softmax(logits))
    spread = random_walk(image.graph, scores, supervision.seeds, steps=_WALK_STEPS)
    return without_excluded(supervision, spread)


def _background_column(supervision: Supervision, background: int | None) -> int | None:
    """Position of the column that stands for all else: the rest column, or the project's background."""
    for position, index in enumerate(supervision.classes):
        if index in (background, IGNORE):
            return position
    return None


def _softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=0, keepdims=True))
    return np.asarray(powers / powers.sum(axis=0, keepdims=True), np.float32)


def _prior_maps(image: ImageContext, grid: tuple[int, int]) -> dict[int, FloatArray] | None:
    """The prior's classes that may appear, on the grid; None where there is none."""
    if image.prior is None:
        return None
    maps = image.prior.on_grid(grid)
    return {index: known for index, known in maps.items() if index in image.class_indices} or None
