"""Learning which places belong together, after the diversity loss of ExCEL (Yang et al., CVPR 2025, arXiv 2503.20826).

Shape letters: B batch, D channels, N places (H * W, row by row), H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.losses.token_contrast import label_pairs

SCALE = 3.0
RADIUS = 8


def scaled_cosines(features_BDHW: Tensor) -> Tensor:
    """3 (cos - mean of a picture's cosines) of every two places, (B, N, N); their sigmoid is the relation."""
    units_BDN = F.normalize(features_BDHW.flatten(2), dim=1)
    cosines_BNN = units_BDN.transpose(1, 2) @ units_BDN
    return SCALE * (cosines_BNN - cosines_BNN.mean(dim=(1, 2), keepdim=True))


def relation_loss(features_BDHW: Tensor, labels_BHW: Tensor, *, radius: int = RADIUS) -> Tensor:
    """1/2 mean of (1 - R) over pairs of one label + 1/2 mean of R over pairs of different ones; R = sigmoid above.

    Pairs are of two different places at most `radius` rows and columns apart, counted over the batch. A half without
    pairs is 0.

    Args:
        features_BDHW: float.
        labels_BHW: integer class positions, background included; pairs with an `IGNORE` (255) do not count.
        radius: in places.

    Raises:
        ValueError: labels of another size than the features.
    """
    if features_BDHW[:, 0].shape != labels_BHW.shape:
        raise ValueError("the relation loss needs one label a place")
    related_BNN = torch.sigmoid(scaled_cosines(features_BDHW))
    near_NN = _near(labels_BHW.shape[1], labels_BHW.shape[2], radius).to(labels_BHW.device)
    alike, unlike = (pairs & near_NN for pairs in label_pairs(labels_BHW.flatten(1)))
    pulled = ((1 - related_BNN) * alike).sum() / alike.sum().clamp(min=1)
    pushed = (related_BNN * unlike).sum() / unlike.sum().clamp(min=1)
    return (pulled + pushed) / 2


def _near(height: int, width: int, radius: int) -> Tensor:
    """Bool (N, N): places at most so many rows and columns apart."""
    rows = torch.arange(height).repeat_interleave(width)
    columns = torch.arange(width).repeat(height)
    return ((rows[:, None] - rows).abs() <= radius) & ((columns[:, None] - columns).abs() <= radius)
