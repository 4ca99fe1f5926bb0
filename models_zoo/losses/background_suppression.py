"""Background activation suppression: without the foreground, the class must no longer be seen (Wu et al., CVPR 2022).

A classifier is content with the most telling part of a thing, but what it says still grows with every further part. So
the logit of the features with the foreground erased, as a share of the logit of all of them, falls until the whole
thing is covered; an area loss keeps the map from covering everything.
Shape letters: B batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_LOGIT = 0.1
"""An image whose class has a lower logit says nothing about where it is."""
_EPS = 1e-8


def background_suppression(erased_B: Tensor, whole_B: Tensor) -> Tensor:
    """Mean of ReLU(erased) / ReLU(whole) over images with whole >= `LEAST_LOGIT`; 0 without any.

    Where erasing raised the logit the ratio is the constant 1.

    Args:
        erased_B: the class's logit on the features without the foreground.
        whole_B: its logit on all features; gets no gradient.
    """
    before_B, after_B = torch.relu(whole_B.detach()), torch.relu(erased_B)
    ratio_B = after_B / (before_B + _EPS)
    ratio_B = torch.where(after_B > before_B, torch.ones_like(ratio_B), ratio_B)
    counted_B = before_B >= LEAST_LOGIT
    return torch.where(counted_B, ratio_B, torch.zeros_like(ratio_B)).sum() / counted_B.sum().clamp(min=1)
