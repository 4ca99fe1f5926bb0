"""GrabCut for marks: colour models and graph cuts, no features needed. Slower than the live head.

Rother, Kolmogorov and Blake, SIGGRAPH 2004, as OpenCV has it; with more than two classes once for
each class against the rest, disputes settled by the colour models' likelihood ratios.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_zoo.features import grid_size, resize_rgb
from models_zoo.interactive.answering import PreparedImage, answer
from models_zoo.interactive.enlarging import Enlarger
from models_zoo.interactive.finishing import without_excluded
from models_zoo.interactive.pixel_features import FloatArray, lab_image, plain_columns, some_of
from models_zoo.interactive.supervision import Supervision
from models_zoo.interactive.types import ImageContext, InteractiveResult
from models_zoo.label_map import LabelMap
from models_zoo.marks import Mark

# Grid cells are 4 px of this, so graph cuts run on at most 256 x 256 nodes.
_MAX_SIDE = 1024
_ROUNDS = 3
# With more classes than this each gets one round: every class costs a cut.
_FEW_CLASSES = 3
_MIN_SAMPLES = 20
_MAX_ANCHORS = 100
_COMPONENTS = 5
_RATIO_SPREAD = 4.0
_NEAREST_BONUS = 0.3


@dataclass(frozen=True, kw_only=True)
class _Prepared(PreparedImage):
    small: npt.NDArray[np.uint8]


class GrabCut:
    """InteractiveSegmenter "grabcut"."""

    def __init__(self) -> None:
        self._image: _Prepared | None = None

    def set_image(self, image: ImageContext) -> None:
        """Prepare an image; its features and prior are not used."""
        height, width = image.rgb.shape[:2]
        grid = grid_size(width, height, _MAX_SIDE)
        lab = lab_image(image.rgb, *grid)
        self._image = _Prepared(
            context=image,
            small=resize_rgb(image.rgb, *grid),
            plain=plain_columns(None, lab),
            enlarger=Enlarger(image.rgb, lab),
            grid=grid,
        )

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
            score=lambda supervision: without_excluded(supervision, _scores(image, supervision)),
        )


def _scores(image: _Prepared, supervision: Supervision) -> FloatArray:
    """Score of each class (C, h, w), summing to 1 over the classes."""
    count = len(supervision.classes)
    nearest = _nearest(image.plain, supervision)
    if count == 1:
        return np.ones((1, *nearest.shape), np.float32)
    if count == 2:
        first = _against_rest(image.small, supervision, nearest, 0)
        return np.stack([first, 1 - first])
    scores = np.stack([_against_rest(image.small, supervision, nearest, position) for position in range(count)])
    # Likeness to the marks settles what several cuts claim, or none.
    scores += np.float32(_NEAREST_BONUS) * (nearest[None] == np.arange(count)[:, None, None])
    return np.asarray(scores / np.maximum(scores.sum(axis=0, keepdims=True), 1e-6), np.float32)


def _nearest(plain: FloatArray, supervision: Supervision) -> npt.NDArray[np.intp]:
    """Column whose taught cells are likest each cell, (h, w); a taught cell's own column on it."""
    shape = supervision.seeds.shape
    distances = np.full((len(supervision.classes), len(plain)), np.inf, np.float32)
    squares = (plain * plain).sum(axis=1)
    for position in range(len(distances)):
        cells = supervision.cells[supervision.targets[:, position] > 0]
        if not len(cells):
            continue
        anchors = plain[some_of(cells, _MAX_ANCHORS)]
        distances[position] = (squares[:, None] - 2 * plain @ anchors.T + (anchors * anchors).sum(axis=1)).min(axis=1)
    distances[supervision.excluded.reshape(len(distances), -1)] = np.inf
    return np.asarray(distances.argmin(axis=0).reshape(shape), np.intp)


def _against_rest(
    small: npt.NDArray[np.uint8], supervision: Supervision, nearest: npt.NDArray[np.intp], position: int
) -> FloatArray:
    """Probability-like score (h, w) of one column: above a half where the cut gives it the cell."""
    import cv2

    state = np.where(nearest == position, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[supervision.excluded[position]] = cv2.GC_BGD
    state[supervision.seeds >= 0] = cv2.GC_BGD
    state[supervision.seeds == position] = cv2.GC_FGD
    ours = (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    if min(np.count_nonzero(ours), np.count_nonzero(~ours)) < _MIN_SAMPLES:
        # Too little for a colour model of each side: likeness to the marks has to do.
        return np.where(ours, np.float32(0.75), np.float32(0.25))
    # OpenCV starts its colour models by k-means with random centres.
    cv2.setRNGSeed(1)
    rounds = _ROUNDS if len(supervision.classes) <= _FEW_CLASSES else 1
    cv2.grabCut(small, state, (0, 0, 1, 1), models[0], models[1], rounds, cv2.GC_INIT_WITH_MASK)
    ours = (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    ratio = _log_likelihood(small, models[1]) - _log_likelihood(small, models[0])
    sure = 1 / (1 + np.exp(-np.clip(ratio, -30, 30) / _RATIO_SPREAD))
    return np.asarray(np.where(ours, 0.5 + sure / 2, sure / 2), np.float32)


def _log_likelihood(small: npt.NDArray[np.uint8], model: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Log density (h, w) of each pixel under OpenCV's mixture: 5 weights, 5 means, 5 covariances."""
    pixels = small.reshape(-1, 3).astype(np.float64)
    weights = model[0, :_COMPONENTS]
    means = model[0, _COMPONENTS : 4 * _COMPONENTS].reshape(_COMPONENTS, 3)
    covariances = model[0, 4 * _COMPONENTS :].reshape(_COMPONENTS, 3, 3)
    density = np.full(len(pixels), 1e-12)
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        if weight <= 0:
            continue
        # One grey level of noise: a flat region would have no covariance at all.
        spread = covariance + np.eye(3)
        off = pixels - mean
        distance = np.einsum("ij,jk,ik->i", off, np.linalg.inv(spread), off)
        density += weight * np.exp(-distance / 2) / np.sqrt((2 * np.pi) ** 3 * np.linalg.det(spread))
    return np.asarray(np.log(density).reshape(small.shape[:2]), np.float64)
