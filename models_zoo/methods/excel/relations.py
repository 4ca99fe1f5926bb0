"""A small network on resting layers that learns which places belong together (the calibration that ExCEL learns).

Shape letters: B batch, D channels of a layer, F channels of the adapter, N places; h rows and w columns of places.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.losses.relations import scaled_cosines

WIDTH = 128
_DROPOUT = 0.1
_NOT_NEGATIVE = -1e-5
"""Places that are all alike are all at the mean, but for rounding."""


class Adapter(nn.Module):
    """Two layers a depth, side by side, then one layer over all: (B, D, h, w) each -> (B, F, h, w)."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.each = nn.ModuleList(
            nn.Sequential(nn.Conv2d(count, WIDTH, 1), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 1)) for count in channels
        )
        self.join = nn.Conv2d(WIDTH * len(channels), WIDTH, 1)
        self.drop = nn.Dropout2d(_DROPOUT)

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """The layers must be of one size. Features differ much in length between encoders: only directions count."""
        found = [
            one(F.normalize(layer, dim=1) * layer.shape[1] ** 0.5) for one, layer in zip(self.each, layers, strict=True)
        ]
        joined: Tensor = self.drop(self.join(torch.cat(found, dim=1)))
        return joined


def relation_attention(features_BFhw: Tensor) -> Tensor:
    """Attention to add, (B, N, N), rows of sum 1: softmax of the scaled cosines, without those below the mean."""
    scores_BNN = scaled_cosines(features_BFhw)
    itself = torch.eye(scores_BNN.shape[1], dtype=torch.bool, device=scores_BNN.device)
    return torch.softmax(scores_BNN.masked_fill((scores_BNN < _NOT_NEGATIVE) & ~itself, -torch.inf), dim=2)
