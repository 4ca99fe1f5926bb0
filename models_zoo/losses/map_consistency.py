"""Class maps of a picture and of its pieces should agree on what is there (Puzzle-CAM, Jo and Yu, ICIP 2021).

Shape letters: B batch, C classes, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor


def map_consistency(one_BCHW: Tensor, other_BCHW: Tensor, present_BC: Tensor) -> Tensor:
    """Mean over present classes of the mean over places of |one - other|; 0 where nothing is present.

    Args:
        one_BCHW, other_BCHW: class maps before their ReLU; both get gradients.
        present_BC: bool, classes whose maps count.

    Raises:
        ValueError: maps of different shapes.
    """
    if one_BCHW.shape != other_BCHW.shape:
        raise ValueError("consistency needs two class maps of one shape")
    apart_BC = (one_BCHW - other_BCHW).abs().mean(dim=(2, 3))
    return torch.where(present_BC, apart_BC, torch.zeros_like(apart_BC)).sum() / present_BC.sum().clamp(min=1)
