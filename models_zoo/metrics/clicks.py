"""How many clicks an interactive segmenter needs (NoC), from the IoU after each click.

Xu et al., CVPR 2016; Sofiiuk, Petrov and Konushin, ICIP 2022: an object that never gets there counts the limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict


class ClicksResult(TypedDict):
    """`noc` is the mean over objects, None without any; `failures` never reached the target; `n` objects."""

    noc: float | None
    failures: int
    n: int


def number_of_clicks(ious: Sequence[float], target: float, limit: int) -> int:
    """Clicks until the IoU reaches the target; ``limit`` where it never does within the limit."""
    return next((number for number, iou in enumerate(ious[:limit], 1) if iou >= target), limit)


def mean_clicks(curves: Sequence[Sequence[float]], target: float, *, limit: int = 20) -> ClicksResult:
    """NoC@target over objects.

    Args:
        curves: for each object the IoU after the first click, the second and so on; it may end where the
            clicking ended.
        target: IoU in 0..1, such as 0.85 or 0.90.
        limit: most clicks that were allowed.

    Raises:
        ValueError: a target or IoU outside of 0..1, a limit below 1.
    """
    if not 0 <= target <= 1:
        raise ValueError(f"target must be an IoU between 0 and 1, not {target}")
    if limit < 1:
        raise ValueError("limit must be 1 click or more")
    for number, curve in enumerate(curves):
        if any(not (math.isfinite(iou) and 0 <= iou <= 1) for iou in curve):
            raise ValueError(f"the IoU of object {number} must be between 0 and 1; measure it again")
    needed = [number_of_clicks(curve, target, limit) for curve in curves]
    failures = sum(not any(iou >= target for iou in curve[:limit]) for curve in curves)
    return {"noc": sum(needed) / len(needed) if needed else None, "failures": failures, "n": len(needed)}
