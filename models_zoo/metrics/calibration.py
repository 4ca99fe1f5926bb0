"""Whether probabilities mean what they say: expected calibration error and what a reliability diagram is drawn from.

Guo, Pleiss, Sun and Weinberger, ICML 2017 (of the likeliest class); Nixon et al., CVPR workshops 2019 (a class at a
time). Every counted pixel weighs alike. Shape letters: C classes, H, W pixels, K bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from models_zoo.marks import IGNORE, UNLABELLED
from models_zoo.metrics.confusion import LabelMap

BINS = 15
_SUM_TOLERANCE = 0.01


class ReliabilityBin(TypedDict):
    """Pixels whose probability lies in [low, high), the last bin's in [low, 1]; their means, None without any."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


class CalibrationResult(TypedDict):
    """`ece` and `bins` are of the likeliest class; `per_class`, `bins_per_class` of each class's own probability.

    `ece` is None without any pixel; `n` counts pixels.
    """

    ece: float | None
    bins: list[ReliabilityBin]
    per_class: dict[int, float]
    bins_per_class: dict[int, list[ReliabilityBin]]
    n: int


class Calibration:
    """Collects pixels image by image, so that no more than one image is held at a time."""

    def __init__(self, class_indices: Sequence[int], *, bins: int = BINS) -> None:
        """`class_indices` by position of the probabilities. Raises ValueError: they repeat, are none, or no bins."""
        if not class_indices or len(set(class_indices)) != len(class_indices):
            raise ValueError("class_indices must name at least one class, and none twice")
        if bins < 1:
            raise ValueError("bins must be 1 or more")
        self._indices = tuple(class_indices)
        self._bins = bins
        # Row 0 is the likeliest class, row 1 + p position p; per bin: pixels, sum of probability, pixels met.
        self._counts = np.zeros((3, len(class_indices) + 1, bins), np.float64)

    def add(self, truth: LabelMap, probabilities: npt.NDArray[np.floating]) -> None:
        """Count one image's pixels: truth (H, W) and probabilities (C, H, W) that sum to 1 over C.

        IGNORE, UNLABELLED and classes that the model does not know are left out.

        Raises:
            ValueError: shapes that do not fit, or probabilities that are none; then nothing is counted.
        """
        shape = (len(self._indices), *truth.shape)
        if truth.ndim != 2 or probabilities.shape != shape:
            raise ValueError(
                f"probabilities must be (classes, height, width) = {shape}, not {probabilities.shape}; "
                "bring them to the size of the truth first"
            )
        counted = np.isin(truth, self._indices) & (truth != IGNORE) & (truth != UNLABELLED)
        p = probabilities[:, counted].astype(np.float64)
        if not p.shape[1]:
            return
        if not np.isfinite(p).all() or p.min() < 0 or abs(p.sum(axis=0) - 1).max() > _SUM_TOLERANCE:
            raise ValueError("probabilities must be numbers of 0 or more that sum to 1 over the classes; apply softmax")
        right = truth[counted][None] == np.array(self._indices)[:, None]
        best = p.argmax(axis=0)
        columns = np.arange(p.shape[1])
        self._take(0, p[best, columns], right[best, columns])
        for position in range(len(self._indices)):
            self._take(1 + position, p[position], right[position])

    def _take(self, row: int, p: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> None:
        place = np.minimum((p * self._bins).astype(np.intp), self._bins - 1)
        for layer, weights in enumerate((None, p, right)):
            self._counts[layer, row] += np.bincount(place, weights=weights, minlength=self._bins)

    def result(self) -> CalibrationResult:
        """Figures of everything counted so far."""
        per_class = {index: self._error(1 + place) for place, index in enumerate(self._indices)}
        return {
            "ece": self._error(0),
            "bins": self._diagram(0),
            "per_class": {index: error for index, error in per_class.items() if error is not None},
            "bins_per_class": {index: self._diagram(1 + place) for place, index in enumerate(self._indices)},
            "n": int(self._counts[0, 0].sum()),
        }

    def _error(self, row: int) -> float | None:
        """Mean over pixels of how far their bin's mean probability is from the share that was right."""
        pixels, confidence, right = self._counts[:, row]
        return float(np.abs(confidence - right).sum() / pixels.sum()) if pixels.sum() else None

    def _diagram(self, row: int) -> list[ReliabilityBin]:
        return [
            {
                "low": number / self._bins,
                "high": (number + 1) / self._bins,
                "n": int(pixels),
                "confidence": float(confidence / pixels) if pixels else None,
                "accuracy": float(right / pixels) if pixels else None,
            }
            for number, (pixels, confidence, right) in enumerate(self._counts[:, row].T)
        ]
