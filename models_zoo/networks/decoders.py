"""A light decoder: all strides joined at stride 4.

Shape letters: B batch, C channels, D decoder width, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DECODER_STRIDES = (4, 8, 16, 32)


def _norm(channels: int) -> nn.GroupNorm:
    """Group norm: its result does not depend on the other images of a small batch, and it keeps no state."""
    return nn.GroupNorm(8, channels)


class _SeparableConv(nn.Sequential):
    """Depthwise 3x3 then pointwise, normalised, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            _norm(outputs),
            nn.ReLU(inplace=True),
        )


class PyramidDecoder(nn.Module):
    """Top-down pyramid with global context, after FPN (Lin et al. 2017) and PSPNet's image pooling.

    Input: {stride: (B, C, H/stride, W/stride)} for strides 4 to 32. Output: (B, D, H/4, W/4).
    """

    def __init__(self, channels: Mapping[int, int], width: int = 96) -> None:
        super().__init__()
        self.width = width
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels[stride], width, 1, bias=False), _norm(width)) for stride in DECODER_STRIDES
        )
        self.context = nn.Sequential(nn.Conv2d(channels[32], width, 1), nn.ReLU(inplace=True))
        self.smooth = nn.ModuleList(_SeparableConv(width, width) for _ in DECODER_STRIDES)
        self.fuse = _SeparableConv(width, width)

    def forward(self, features: Mapping[int, Tensor]) -> Tensor:
        """Merge from coarse to fine."""
        deepest = features[DECODER_STRIDES[-1]]
        x: Tensor = self.context(deepest.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *deepest.shape[-2:])
        for number in reversed(range(len(DECODER_STRIDES))):
            lateral = self.lateral[number](features[DECODER_STRIDES[number]])
            if x.shape[-2:] != lateral.shape[-2:]:
                x = F.interpolate(x, size=lateral.shape[-2:], mode="bilinear", align_corners=False)
            x = self.smooth[number](torch.relu(x + lateral))
        fused: Tensor = self.fuse(x)
        return fused
