"""Counts of agreement between label maps: IoU a class, its mean, and accuracy under marks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from models_zoo.marks import IGNORE, UNLABELLED

LabelMap = npt.NDArray[np.uint8]


class IouResult(TypedDict):
    """`miou` is the mean over classes that occur in truth or prediction; None without any pixel."""

    miou: float | None
    per_class: dict[int, float]
    n: int


class MarkAccuracy(TypedDict):
    """`accuracy` is the mean over classes of the share of marked pixels that were met; None without marks."""

    accuracy: float | None
    per_class: dict[int, float]
    n: int


def confusion(truth: LabelMap, predicted: LabelMap) -> npt.NDArray[np.int64]:
    """Counts (256, 256): row is the true value, column the predicted one; truth IGNORE or UNLABELLED is left out.

    Raises:
        ValueError: the maps differ in size.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"label maps differ in size: {truth.shape} and {predicted.shape}")
    counted = (truth != IGNORE) & (truth != UNLABELLED)
    pairs = truth[counted].astype(np.int64) * 256 + predicted[counted]
    return np.bincount(pairs, minlength=256 * 256).reshape(256, 256)


def _summed(pairs: Iterable[tuple[LabelMap, LabelMap]]) -> npt.NDArray[np.int64]:
    total = np.zeros((256, 256), np.int64)
    for truth, predicted in pairs:
        total += confusion(truth, predicted)
    return total


def segmentation_iou(pairs: Sequence[tuple[LabelMap, LabelMap]], class_indices: Collection[int]) -> IouResult:
    """IoU a class over all images together (not the mean of per-image values).

    Args:
        pairs: (truth, prediction) label maps of equal size; IGNORE in the truth is left out, IGNORE in the
            prediction counts as wrong.
        class_indices: classes to report; those in neither truth nor prediction are left out of the mean.
    """
    total = _summed(pairs)
    per_class: dict[int, float] = {}
    for index in sorted(class_indices):
        union = total[index].sum() + total[:, index].sum() - total[index, index]
        if union:
            per_class[index] = float(total[index, index] / union)
    return {"miou": mean_of(per_class), "per_class": per_class, "n": len(pairs)}


def mark_accuracy(pairs: Sequence[tuple[LabelMap, LabelMap]]) -> MarkAccuracy:
    """Accuracy on marked pixels, every class counting alike.

    Args:
        pairs: (seed map, prediction); UNLABELLED and IGNORE seeds are left out.
    """
    total = _summed(pairs)
    marked = total.sum(axis=1)
    per_class = {int(i): float(total[i, i] / marked[i]) for i in np.flatnonzero(marked)}
    return {"accuracy": mean_of(per_class), "per_class": per_class, "n": len(pairs)}


def mean_of(per_class: dict[int, float]) -> float | None:
    """Mean over classes; None without any."""
    return float(np.mean(list(per_class.values()))) if per_class else None
