"""The score of a picture from its map: the mean of what stands out (WSCL's adaptive pooling).

Zhai et al., ICCV 2023 (arXiv 2309.01246). The values are sorted and split where the spread inside both parts is least
(Otsu, IEEE SMC 1979, exactly, over all splits); the score is the mean of the upper part, of at most half of the values.
Shape letters: C classes, N places.
"""

from __future__ import annotations

import torch
from torch import Tensor


def otsu_pool(values_CN: Tensor) -> Tensor:
    """Score of each class, (C,); the split itself has no gradient.

    Args:
        values_CN: at least one place; of several classes each is split by itself.

    Raises:
        ValueError: no places at all.
    """
    count = values_CN.shape[-1]
    if not count:
        raise ValueError("there is nothing to pool: give at least one place")
    if count == 1:
        return values_CN[..., 0]
    ordered_CN = values_CN.sort(dim=-1).values
    first_C = _split(ordered_CN.detach().double()).clamp(min=count // 2 + 1).clamp(max=count - 1)
    is_high_CN = torch.arange(count, device=values_CN.device) >= first_C[..., None]
    return (ordered_CN * is_high_CN).sum(dim=-1) / is_high_CN.sum(dim=-1)


def _split(ordered_CN: Tensor) -> Tensor:
    """How many of the sorted values are below the best split (1 to N - 1): largest n0 n1 (m0 - m1)^2."""
    count = ordered_CN.shape[-1]
    below = torch.arange(1, count, device=ordered_CN.device)
    sums = ordered_CN.cumsum(dim=-1)
    low, high = sums[..., :-1] / below, (sums[..., -1:] - sums[..., :-1]) / (count - below)
    return (below * (count - below) * (low - high).square()).argmax(dim=-1) + 1
