"""From a map of one class to the box of its object (the protocol of weakly supervised localisation, as in BAS)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.metrics.localisation import Box


def largest_box(scores: npt.NDArray[np.float32], *, size: tuple[int, int], threshold: float) -> Box | None:
    """The tight box round the largest connected region (8 neighbours) above a height.

    The scores are stretched to 0..1 and enlarged first, so that the height is relative to their own highest and lowest.

    Args:
        scores: (h, w), any range.
        size: (width, height) of the image, whose pixels the box counts in.
        threshold: above 0 and at most 1.

    Returns:
        None for scores that are the same everywhere.

    Raises:
        ValueError: another threshold.
    """
    if not 0 < threshold <= 1:
        raise ValueError("the height of a box's region must be above 0 and at most 1")
    low, high = float(scores.min()), float(scores.max())
    if high <= low:
        return None
    enlarged = cv2.resize((scores - low) / (high - low), size, interpolation=cv2.INTER_LINEAR)
    # Enlarging may round the peaks off: the height is relative to what is left of them.
    return region_boxes(enlarged >= threshold * enlarged.max())[0]


def region_boxes(is_inside: npt.NDArray[np.bool_]) -> list[Box]:
    """The tight boxes round the connected regions (8 neighbours) of (H, W), the largest region first."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(is_inside.astype(np.uint8))
    regions = sorted(stats[1:count].tolist(), key=lambda region: -region[cv2.CC_STAT_AREA])
    return [(float(x), float(y), float(x + width), float(y + height)) for x, y, width, height, _ in regions]
