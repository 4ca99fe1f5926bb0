"""Box projection: the object must touch all four sides of its box (BoxInst, Tian et al. 2021).

Shape letters: B batch, C classes, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

FILL_RANGE = (0.2, 0.95)
_FILL_WEIGHT = 0.1


class GridBox(NamedTuple):
    """A box on the output grid: image of the batch, class position, half-open cell ranges."""

    image: int
    class_position: int
    x0: int
    y0: int
    x1: int
    y1: int


def box_projection(probs_BCHW: Tensor, boxes: Sequence[GridBox]) -> Tensor:
    """Mean over boxes of the dice distance of row and column maxima to 1, plus a fill-rate hinge.

    Per box and axis D = 1 - 2 sum(m) / (sum(m^2) + n), m the maximum of the class's probability along the
    other axis. A cross satisfies the projections, so the share of the box the class fills is kept within
    `FILL_RANGE`; colour affinity (gated CRF) decides the shape. What lies outside boxes is the caller's to
    exclude. Returns 0 without boxes.
    """
    if not boxes:
        return probs_BCHW.sum() * 0.0
    return torch.stack([_one_box(probs_BCHW, box) for box in boxes]).mean()


def _one_box(probs_BCHW: Tensor, box: GridBox) -> Tensor:
    inside_HW = probs_BCHW[box.image, box.class_position, box.y0 : box.y1, box.x0 : box.x1]
    projected = _distance_to_one(inside_HW.amax(dim=0)) + _distance_to_one(inside_HW.amax(dim=1))
    fill = inside_HW.mean()
    low, high = FILL_RANGE
    return projected + _FILL_WEIGHT * (torch.relu(low - fill) + torch.relu(fill - high))


def _distance_to_one(profile: Tensor) -> Tensor:
    return 1 - 2 * profile.sum() / (profile.square().sum() + profile.numel())
