"""From a prediction to a proposal: obey the marks, follow the colours, say how sure.

Shape letters: C classes, H height, W width of the image; h, w of the working copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.data.dataset import fit_size, resize_rgb
from models_zoo.marks import IGNORE, UNLABELLED, Mark, WeakLabels, rasterize
from models_zoo.methods.base import Prediction
from models_zoo.refiners.info import DEFAULT
from models_zoo.refiners.running import Held, refine_scores

WORKING_SIDE = 192
"""Refinement runs on a copy no larger than this: about 0.1 s an image on one core."""
FINE_SIDE = 1024
"""Probabilities are enlarged up to this side, then the one label map is."""
MIN_PROBABILITY = 0.1
MAX_CLASSES = 8


class Mended(Protocol):
    """Scores whose best is the pixel's class, and how probable each class is; float32 (C, any height, any width)."""

    @property
    def scores(self) -> npt.NDArray[np.float32]: ...

    @property
    def probabilities(self) -> npt.NDArray[np.float32]: ...


class Polisher(Protocol):
    """A trained step from scores to better scores."""

    def __call__(self, rgb: npt.NDArray[np.uint8], scores: npt.NDArray[np.float32]) -> Mended:
        """Mend scores (C, any size) of a picture, uint8 (H, W, 3)."""


@dataclass(frozen=True)
class Polished:
    """A proposal at image size.

    Attributes:
        label_map: uint8 (H, W), class index a pixel.
        confidence: uint8 (H, W), 255 = sure; marked pixels are 255.
        uncertainty: uint8 (H, W), 255 = the two best classes of the network are tied; marked pixels are 0.
        score: mean uncertainty, 0 to 1.
        replaced: uint8 (H, W), the class that a trained polisher took away, IGNORE where it changed nothing.
    """

    label_map: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.uint8]
    uncertainty: npt.NDArray[np.uint8]
    score: float
    replaced: npt.NDArray[np.uint8]


def polish(
    prediction: Prediction,
    rgb: npt.NDArray[np.uint8],
    marks: Sequence[Mark] = (),
    *,
    refiner: str = DEFAULT,
    polisher: Polisher | None = None,
) -> Polished:
    """Refine a prediction for its image, with a person's marks kept as they are.

    Args:
        prediction: of this image.
        rgb: uint8 (H, W, 3).
        marks: on this image, in its pixels; classes the model does not know are ignored.
        refiner: name of the registered refiner that follows the colours; "none" only obeys the marks.
        polisher: a trained one, asked after the refiner; it changes no pixel that is marked.
    """
    height, width = rgb.shape[:2]
    known = [mark for mark in marks if mark.class_index in prediction.class_indices]
    side = min(WORKING_SIDE, max(height, width))
    size = fit_size(width, height, side)
    weak = rasterize(known, width=width, height=height, out_size=size)
    kept, scores = _candidates(prediction, weak, size)
    uncertainty_hw = _ambiguity(scores)
    fixed, excluded = _constraints(weak, kept)
    followed = refine_scores(refiner, resize_rgb(rgb, size), scores, fixed=fixed, excluded=excluded)
    label_map, confidence = _enlarge(followed, followed, kept, (width, height))
    replaced = np.full(label_map.shape, IGNORE, np.uint8)
    if polisher is not None and len(kept) > 1:
        before = label_map
        mended = polisher(rgb, followed)
        held = [_held(known, kept, part, (width, height)) for part in (mended.scores, mended.probabilities)]
        label_map, confidence = _enlarge(held[0], held[1], kept, (width, height))
        replaced = np.where(label_map == before, np.uint8(IGNORE), before)
    uncertainty = _to_size(uncertainty_hw, (width, height))
    marked = rasterize(known, width=width, height=height).seeds
    drawn = marked != UNLABELLED
    label_map[drawn], confidence[drawn], uncertainty[drawn], replaced[drawn] = marked[drawn], 255, 0, IGNORE
    return Polished(label_map, confidence, uncertainty, float(uncertainty.mean() / 255.0), replaced)


def refined(
    prediction: Prediction, rgb: npt.NDArray[np.uint8], *, refiner: str = DEFAULT
) -> tuple[list[int], npt.NDArray[np.float32]]:
    """Class indices worth a look and their refined scores (C', h, w): what a trained polisher is given."""
    height, width = rgb.shape[:2]
    size = fit_size(width, height, min(WORKING_SIDE, max(height, width)))
    kept, scores = _candidates(prediction, rasterize([], width=width, height=height, out_size=size), size)
    return kept, refine_scores(refiner, resize_rgb(rgb, size), scores)


def _held(
    known: Sequence[Mark], kept: list[int], scores: npt.NDArray[np.float32], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Scores (C', h, w) that obey the marks of a picture of that (width, height)."""
    weak = rasterize(known, width=size[0], height=size[1], out_size=(scores.shape[2], scores.shape[1]))
    fixed, excluded = _constraints(weak, kept)
    return Held(fixed, excluded).apply(scores)


def _candidates(
    prediction: Prediction, weak: WeakLabels, size: tuple[int, int]
) -> tuple[list[int], npt.NDArray[np.float32]]:
    """Class indices worth refining and their scores (C', h, w), normalised."""
    allowed = weak.allowed(prediction.class_indices) or frozenset(prediction.class_indices)
    marked = weak.seeded() | {box.class_index for box in weak.boxes}
    peaks = dict(zip(prediction.class_indices, prediction.probabilities.max(axis=(1, 2)), strict=True))
    ranked = sorted(allowed, key=lambda index: (index not in marked, -peaks[index], index))
    kept = [index for index in ranked if index in marked or peaks[index] >= MIN_PROBABILITY]
    kept = sorted(kept[: max(MAX_CLASSES, len(marked))] or ranked[:1])
    positions = [prediction.class_indices.index(index) for index in kept]
    chosen = prediction.probabilities[positions]
    scores = np.stack([cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in chosen])
    scores = np.maximum(scores, 1e-6)
    return kept, np.asarray(scores / scores.sum(axis=0), np.float32)


def _constraints(weak: WeakLabels, kept: list[int]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """One-hot scores of seeds, and where each class is ruled out (negative marks, outside its boxes)."""
    fixed = np.stack([(weak.seeds == index) for index in kept]).astype(np.float32)
    excluded = np.zeros(fixed.shape, np.bool_)
    for position, index in enumerate(kept):
        if index in weak.negatives:
            excluded[position] |= weak.negatives[index]
        boxes = [box for box in weak.boxes if box.class_index == index]
        if boxes:
            outside = np.ones(weak.seeds.shape, np.bool_)
            for box in boxes:
                outside[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))] = False
            excluded[position] |= outside
    return fixed, excluded


def _ambiguity(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """1 - (best - second best) a pixel, (h, w) in 0..1; 0 for a single class."""
    if len(scores) < 2:
        return np.zeros(scores.shape[1:], np.float32)
    top = np.partition(scores, len(scores) - 2, axis=0)
    return np.asarray(1 - (top[-1] - top[-2]), np.float32)


def _enlarge(
    scores: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float32],
    kept: list[int],
    size: tuple[int, int],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Label map and confidence at image size; smooth borders up to `FINE_SIDE`, then nearest neighbour."""
    fine = fit_size(*size, min(FINE_SIDE, max(size)))
    best = np.full((fine[1], fine[0]), -1.0, np.float32)
    sure = np.zeros((fine[1], fine[0]), np.float32)
    chosen = np.zeros((fine[1], fine[0]), np.uint8)
    for index, score, probability in zip(kept, scores, probabilities, strict=True):
        enlarged = cv2.resize(score, fine, interpolation=cv2.INTER_LINEAR)
        better = enlarged > best
        best[better] = enlarged[better]
        sure[better] = cv2.resize(probability, fine, interpolation=cv2.INTER_LINEAR)[better]
        chosen[better] = index
    label_map = np.asarray(cv2.resize(chosen, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return label_map, _to_size(sure, size)


def _to_size(values: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Values in 0..1 as uint8 of 0..255 at (width, height)."""
    levels = np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)
    return np.array(cv2.resize(levels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
