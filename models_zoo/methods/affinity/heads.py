"""Small heads on a resting encoder that say what lies between places.

Shape letters: B batch, D channels, H height, W width of the image; h = H / 8, w = W / 8.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.encoders import STRIDES

GRID_STRIDE = 8
_BORDER_WIDTH = 32
_FEATURE_WIDTHS = {8: 64, 16: 128, 32: 256}


class BorderHead(nn.Module):
    """IRNet's edge branch: every stage to 32 channels on one grid, joined into a border map 0..1."""

    def __init__(self, channels: Mapping[int, int]) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels[stride], _BORDER_WIDTH, 1, bias=False), nn.GroupNorm(4, _BORDER_WIDTH))
            for stride in STRIDES
        )
        self.join = nn.Conv2d(_BORDER_WIDTH * len(STRIDES), 1, 1)

    def forward(self, features: Mapping[int, Tensor]) -> Tensor:
        """Features by nominal stride -> borders (B, h, w)."""
        maps = [
            torch.relu(_on_grid(part(features[s]), features)) for part, s in zip(self.lateral, STRIDES, strict=True)
        ]
        joined: Tensor = self.join(torch.cat(maps, dim=1))
        return torch.sigmoid(joined.float()).squeeze(1)


class FeatureHead(nn.Module):
    """AffinityNet's branch: three late stages to 64, 128 and 256 channels, joined into 448."""

    def __init__(self, channels: Mapping[int, int]) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            nn.Conv2d(channels[stride], width, 1, bias=False) for stride, width in _FEATURE_WIDTHS.items()
        )
        width = sum(_FEATURE_WIDTHS.values())
        self.join = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, features: Mapping[int, Tensor]) -> Tensor:
        """Features by nominal stride -> features to compare (B, 448, h, w)."""
        pairs = zip(self.lateral, _FEATURE_WIDTHS, strict=True)
        maps = [_on_grid(F.elu(part(features[stride])), features) for part, stride in pairs]
        joined: Tensor = self.join(torch.cat(maps, dim=1))
        return F.elu(joined.float())


def _on_grid(values: Tensor, features: Mapping[int, Tensor]) -> Tensor:
    """At the size of the features of stride 8; finer ones are averaged."""
    size = (features[GRID_STRIDE].shape[-2], features[GRID_STRIDE].shape[-1])
    if tuple(values.shape[-2:]) == size:
        return values
    if values.shape[-2] > size[0]:
        return F.adaptive_avg_pool2d(values, size)
    return F.interpolate(values, size=size, mode="bilinear", align_corners=False)
