"""What `toco` puts on an encoder beside the segmenter: two classifiers, and a projection of class tokens.

Shape letters: B batch, C classes, D channels, E channels of the projection, H height, W width; h = H / 16, w = W / 16.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EARLIER, LAST = 16, 32
"""Nominal strides of the layers that are compared; both are of stride 16."""
_HIDDEN, _BOTTLENECK, _OUTPUTS = 512, 128, 256


class TokenClassifiers(nn.Module):
    """One linear map a class, without bias, on the earlier and on the last tokens.

    A picture's logits are those of the largest value of each channel, as published for transformers, or of the mean.
    """

    def __init__(self, channels: Mapping[int, int], num_classes: int, *, by_mean: bool) -> None:
        super().__init__()
        self._pool = mean if by_mean else largest
        self.earlier, self.last = (nn.Conv2d(channels[layer], num_classes, 1, bias=False) for layer in (EARLIER, LAST))
        for classify in (self.earlier, self.last):
            nn.init.normal_(classify.weight, std=0.01)

    def maps(self, layers: Mapping[int, Tensor]) -> Tensor:
        """Class maps of the earlier tokens before their ReLU, (B, C, h, w)."""
        maps: Tensor = self.earlier(layers[EARLIER])
        return maps

    def forward(self, layers: Mapping[int, Tensor], valid_Bhw: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, C) of the earlier and of the last tokens; only valid places count."""
        earlier = self.earlier(self._pool(layers[EARLIER], valid_Bhw)[:, :, None, None])
        last = self.last(self._pool(layers[LAST], valid_Bhw)[:, :, None, None])
        return earlier[:, :, 0, 0], last[:, :, 0, 0]


def largest(layer_BDhw: Tensor, valid_Bhw: Tensor) -> Tensor:
    """The largest value of each channel over the valid places, (B, D); over all where none is valid."""
    found: Tensor = layer_BDhw.masked_fill(~_counted(valid_Bhw), -torch.inf).amax(dim=(2, 3))
    return found


def mean(layer_BDhw: Tensor, valid_Bhw: Tensor) -> Tensor:
    """The mean of each channel over the valid places, (B, D); over all where none is valid."""
    counted = _counted(valid_Bhw)
    return (layer_BDhw * counted).sum(dim=(2, 3)) / counted.sum(dim=(2, 3))


def _counted(valid_Bhw: Tensor) -> Tensor:
    """Bool (B, 1, h, w) with at least one place in each picture."""
    return (valid_Bhw | ~valid_Bhw.flatten(1).any(dim=1)[:, None, None])[:, None]


class Projection(nn.Module):
    """DINO's head, smaller: three layers, unit length, then cosines with so many learnt directions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, _HIDDEN),
            nn.GELU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.GELU(),
            nn.Linear(_HIDDEN, _BOTTLENECK),
        )
        self.directions = nn.Parameter(torch.empty(_OUTPUTS, _BOTTLENECK))
        nn.init.trunc_normal_(self.directions, std=0.02)

    def forward(self, tokens_BD: Tensor) -> Tensor:
        """(B, D) -> (B, E), each in -1..1."""
        units = F.normalize(self.layers(tokens_BD), dim=1)
        return F.linear(units, F.normalize(self.directions, dim=1))
