"""One door to every refiner: check what comes in, work at a bearable size, keep the person's pixels.

Shape letters: C classes, H height, W width of the scores; h, w of the working copy; D feature channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.errors import TrainingError
from models_zoo.info import UnknownMethod
from models_zoo.refiners.info import INFOS, NAMES
from models_zoo.registry import load_entry

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

WORKING_SIDE = 512
"""Longer pictures are refined on a copy of this long side; a picture of 8,000 px costs no more than one of 512."""
_EPS = 1e-8


class RefinerError(TrainingError, ValueError):
    """Scores, picture or marks that no refiner can work with; the message says what to mend."""


@dataclass(frozen=True)
class Held:
    """What a person said about pixels, which no refiner may change.

    Attributes:
        fixed: float32 (C, H, W), scores of marked pixels; all 0 where nobody marked. None: no marks.
        excluded: bool (C, H, W), True where a class is ruled out. None: nothing is.
    """

    fixed: FloatArray | None = None
    excluded: BoolArray | None = None

    def apply(self, scores: FloatArray) -> FloatArray:
        """Scores (C, H, W) that obey the marks and sum to 1; scores that are 0 for all classes become even."""
        if self.excluded is not None:
            kept = np.where(self.excluded, np.float32(0), scores)
            # Where every class is ruled out the marks contradict each other: the network decides there.
            scores = np.where(kept.sum(axis=0) > 0, kept, scores)
        if self.fixed is not None:
            scores = np.where(self.fixed.sum(axis=0) > 0, self.fixed, scores)
        return normalised(scores)

    def resized(self, size: tuple[int, int]) -> Held:
        """The same at (width, height): a cell is fixed if any of it is, ruled out if all of it is."""
        fixed = None if self.fixed is None else resize(self.fixed, size)
        if fixed is not None:
            total = fixed.sum(axis=0)
            fixed = np.asarray(np.where(total > 0, fixed / np.maximum(total, _EPS), 0), np.float32)
        excluded = None
        if self.excluded is not None:
            excluded = resize(self.excluded.astype(np.float32), size) > 1 - 1e-4
        return Held(fixed, excluded)


class Refiner(Protocol):
    """A training-free step from scores to better scores at the same size."""

    def __call__(
        self, rgb: npt.NDArray[np.uint8], scores: FloatArray, held: Held, features: FloatArray | None
    ) -> FloatArray:
        """Refine (C, H, W) along rgb (H, W, 3) and perhaps features (D, H, W); `held` is obeyed, sums are 1."""


def create_refiner(name: str) -> Refiner:
    """The refiner of the registered name. Raises UnknownMethod listing the known ones."""
    for info in INFOS:
        if info.name == name:
            return cast(Refiner, load_entry(info.entry))
    raise UnknownMethod(f"no refiner named {name!r}; the refiners are: {', '.join(NAMES)}")


def refine_scores(
    name: str,
    rgb: npt.NDArray[np.uint8],
    scores: FloatArray,
    *,
    fixed: FloatArray | None = None,
    excluded: BoolArray | None = None,
    features: FloatArray | None = None,
    working_side: int = WORKING_SIDE,
) -> FloatArray:
    """Refine the class scores of one picture with the named refiner.

    Args:
        name: of a registered refiner.
        rgb: uint8 (H, W, 3), or (H, W) for a grey picture.
        scores: (C, H, W), finite and not negative; they need not sum to 1.
        fixed: (C, H, W), scores of pixels a person marked, 0 for all classes where nobody did.
        excluded: bool (C, H, W), True where a class is ruled out.
        features: (D, any height, any width) of the whole picture, for the refiners that use them.
        working_side: the longest side that is refined as it is; longer pictures on a copy of that size.

    Returns:
        float32 (C, H, W), summing to 1; marked pixels hold `fixed`.

    Raises:
        RefinerError: shapes that do not match, numbers that are not finite or are negative.
        UnknownMethod: no refiner of that name.
    """
    refiner = create_refiner(name)
    rgb, scores, held = _checked(rgb, scores, fixed, excluded)
    if features is not None:
        _check_features(features)
    height, width = scores.shape[1:]
    if max(height, width) <= working_side:
        whole = None if features is None else _features_at(features, (width, height))
        return refiner(rgb, scores, held, whole)
    scale = working_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = None if features is None else _features_at(features, size)
    refined = refiner(_shrunk(rgb, size), resize(scores, size), held.resized(size), small)
    return held.apply(resize(refined, (width, height)))


def unrefined(
    rgb: npt.NDArray[np.uint8], scores: FloatArray, held: Held, features: FloatArray | None = None
) -> FloatArray:
    """The scores with the marks obeyed, and nothing else."""
    return held.apply(scores)


def normalised(scores: FloatArray) -> FloatArray:
    """Scores (C, H, W) divided by their sum over C; even where all are 0."""
    total = scores.sum(axis=0)
    return np.asarray(np.where(total > _EPS, scores / np.maximum(total, _EPS), 1 / len(scores)), np.float32)


def resize(values: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Maps (C, H, W) at (width, height): areas are averaged on the way down, linear on the way up."""
    height, width = values.shape[1:]
    if (width, height) == size:
        return values
    way = cv2.INTER_AREA if size[0] <= width and size[1] <= height else cv2.INTER_LINEAR
    return np.stack([cv2.resize(np.ascontiguousarray(part), size, interpolation=way) for part in values])


def _shrunk(rgb: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _features_at(features: FloatArray, size: tuple[int, int]) -> FloatArray:
    return resize(np.asarray(features, np.float32), size)


def _checked(
    rgb: npt.NDArray[np.uint8], scores: FloatArray, fixed: FloatArray | None, excluded: BoolArray | None
) -> tuple[npt.NDArray[np.uint8], FloatArray, Held]:
    if scores.ndim != 3 or 0 in scores.shape:
        raise RefinerError(f"scores must be (classes, height, width) and not empty, not {scores.shape}")
    if rgb.ndim == 2:
        rgb = np.repeat(rgb[:, :, None], 3, axis=2)
    if rgb.dtype != np.uint8 or rgb.shape != (*scores.shape[1:], 3):
        raise RefinerError(
            f"the picture must be uint8 {(*scores.shape[1:], 3)} like the scores, "
            f"not {rgb.dtype} {rgb.shape}; resize it"
        )
    _check_numbers("scores", scores)
    for what, part in (("fixed", fixed), ("excluded", excluded)):
        if part is not None and part.shape != scores.shape:
            raise RefinerError(f"{what} must have the shape of the scores, {scores.shape}, not {part.shape}")
    if fixed is not None:
        _check_numbers("fixed", fixed)
    held = Held(
        None if fixed is None else np.asarray(fixed, np.float32),
        None if excluded is None else np.asarray(excluded, np.bool_),
    )
    return np.ascontiguousarray(rgb), np.ascontiguousarray(scores, np.float32), held


def _check_numbers(what: str, values: FloatArray) -> None:
    if not np.isfinite(values).all():
        raise RefinerError(f"{what} hold NaN or infinity: the model's output is damaged; train again or use another")
    if (values < 0).any():
        raise RefinerError(f"{what} must not be negative; take the softmax of logits first")


def _check_features(features: FloatArray) -> None:
    if features.ndim != 3 or 0 in features.shape:
        raise RefinerError(f"features must be (channels, height, width) and not empty, not {features.shape}")
    if not np.isfinite(features).all():
        raise RefinerError("features hold NaN or infinity; compute them again")
