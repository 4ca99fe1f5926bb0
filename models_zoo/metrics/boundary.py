"""Agreement along outlines: IoU of narrow bands inside each region's border.

Cheng, Girshick, Dollar, Berg and Kirillov, CVPR 2021 (Boundary IoU). Plain IoU hardly sees a ragged outline of a
large object; this does.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from models_zoo.marks import IGNORE, UNLABELLED
from models_zoo.metrics.confusion import IouResult, LabelMap, mean_of

WIDTH_SHARE = 0.02
"""Width of the band, as a share of the picture's diagonal; at least one pixel."""


def boundary_iou(
    pairs: Sequence[tuple[LabelMap, LabelMap]], class_indices: Collection[int], *, width_share: float = WIDTH_SHARE
) -> IouResult:
    """Boundary IoU a class over all images together, and its mean over classes that have a border anywhere.

    Args:
        pairs: (truth, prediction) label maps of equal size. IGNORE and UNLABELLED in the truth are left out, and
            where a region meets them is no border; IGNORE in the prediction is wrong. The picture's edge is a border.
        class_indices: classes to report.
        width_share: of the diagonal, in 0..1.

    Raises:
        ValueError: the maps differ in size, or the share is none.
    """
    if not 0 < width_share <= 1:
        raise ValueError(f"width_share must be above 0 and at most 1, not {width_share}")
    met: dict[int, int] = dict.fromkeys(class_indices, 0)
    seen: dict[int, int] = dict.fromkeys(class_indices, 0)
    for truth, predicted in pairs:
        if truth.shape != predicted.shape:
            raise ValueError(f"label maps differ in size: {truth.shape} and {predicted.shape}")
        if not truth.size:
            continue
        unknown = (truth == IGNORE) | (truth == UNLABELLED)
        width = band_width(truth.shape[0], truth.shape[1], width_share)
        for index in met:
            ours, theirs = (border_band(labels == index, unknown, width) for labels in (truth, predicted))
            met[index] += int(np.count_nonzero(ours & theirs))
            seen[index] += int(np.count_nonzero(ours | theirs))
    per_class = {index: met[index] / seen[index] for index in sorted(met) if seen[index]}
    return {"miou": mean_of(per_class), "per_class": per_class, "n": len(pairs)}


def band_width(height: int, width: int, share: float = WIDTH_SHARE) -> int:
    """Pixels, at least 1."""
    return max(1, round(share * math.hypot(height, width)))


def border_band(region: npt.NDArray[np.bool_], unknown: npt.NDArray[np.bool_], width: int) -> npt.NDArray[np.bool_]:
    """Known pixels of a region (H, W) within ``width`` pixels, counted along rows, columns and diagonals, of what is
    known to be outside of it or of the picture's edge."""
    import cv2

    filled = np.pad((region | unknown).astype(np.uint8), 1)
    square = np.ones((3, 3), np.uint8)
    inner = cv2.erode(filled, square, iterations=width, borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    return np.asarray(region & ~unknown & (inner[1:-1, 1:-1] == 0), np.bool_)
