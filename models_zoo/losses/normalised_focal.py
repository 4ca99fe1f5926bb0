"""Normalised focal loss (Sofiiuk, Barinova and Konushin, ICCV 2019): hard pixels count more, the sum stays the same.

Shape letters: B batch, h, w output grid.
"""

from __future__ import annotations

import torch
from torch import Tensor

ALPHA, GAMMA = 0.5, 2.0
_LEAST = 1e-6


def focal_weights(agreement_Bhw: Tensor, valid_Bhw: Tensor, gamma: float = GAMMA) -> Tensor:
    """Weights (1 - p_t) ** gamma of each valid cell, scaled so that an image's sum is its number of valid cells."""
    raw = (1 - agreement_Bhw).clamp(min=0) ** gamma * valid_Bhw
    cells = valid_Bhw.sum(dim=(1, 2), keepdim=True)
    # The scale is no part of the gradient: it only keeps well-known images from fading out.
    scale = (cells / raw.sum(dim=(1, 2), keepdim=True).clamp(min=_LEAST)).detach()
    return raw * scale


def normalised_focal(
    logits_Bhw: Tensor, target_Bhw: Tensor, valid_Bhw: Tensor, *, alpha: float = ALPHA, gamma: float = GAMMA
) -> Tensor:
    """Mean over images of the mean over valid cells of -alpha * weight * log p_t.

    Args:
        logits_Bhw: of being the object.
        target_Bhw: 0 to 1, the object's share of each cell; p_t is how far the prediction agrees with it.
        valid_Bhw: bool, cells that count; an image without one adds nothing.
    """
    agreement = 1 - (torch.sigmoid(logits_Bhw) - target_Bhw).abs()
    energy = -alpha * torch.log(agreement.clamp(min=_LEAST)) * focal_weights(agreement, valid_Bhw, gamma)
    cells = valid_Bhw.sum(dim=(1, 2)).clamp(min=1)
    mean: Tensor = (energy.sum(dim=(1, 2)) / cells).mean()
    return mean
