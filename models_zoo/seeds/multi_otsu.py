"""Three groups of values instead of two (Liao, Chen and Chung 2001, after Otsu 1979)."""

from __future__ import annotations

import torch
from torch import Tensor

_BINS = 64


def top_threshold(values: Tensor) -> Tensor:
    """Scalar: the higher of the two thresholds that part values into three groups with the least spread inside.

    The largest sum over groups of w m^2 over all pairs of 64 bins' edges; the middle of ties, which are gaps between
    the groups. Flat values give their value.

    Args:
        values: float, any shape, at least one, finite.
    """
    flat = values.float().flatten()
    low, high = flat.min(), flat.max()
    if high <= low:
        return high
    counts = torch.histc((flat - low) / (high - low), bins=_BINS, min=0.0, max=1.0)
    centres = (torch.arange(_BINS, device=flat.device) + 0.5) / _BINS
    below, mass = counts.cumsum(0), (counts * centres).cumsum(0)
    first = _squares(below[:, None], mass[:, None])
    second = _squares(below[None] - below[:, None], mass[None] - mass[:, None])
    third = _squares(below[-1] - below[None], mass[-1] - mass[None])
    between = first + second + third
    ordered = torch.ones_like(between, dtype=torch.bool).triu(1)
    ordered[:, -1] = False
    between = between.masked_fill(~ordered, -1.0)
    _, upper = torch.nonzero(between >= between.max() * (1 - 1e-5), as_tuple=True)
    return low + (upper.float().mean() + 1) / _BINS * (high - low)


def _squares(size: Tensor, mass: Tensor) -> Tensor:
    """w m^2 of groups; 0 of empty ones."""
    return mass.square() / size.clamp(min=1)
