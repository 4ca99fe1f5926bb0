"""The network: picture and a class's mask in, a better mask and how probable it is out.

It knows no classes: it is asked about one at a time, so it works for any number of them. What depends on the picture
alone is computed once and does not learn. Two heads that share no last layers are taught apart: one for the shape, by
overlap, one for the probability, by cross entropy alone (after the disentangled targets of dual polishing).

Shape letters: B masks, H, W input; stride 2 gives y = H / 2, x = W / 2.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.decoders import DECODER_STRIDES, PyramidDecoder
from models_zoo.networks.encoders import Encoder

OUTPUT_STRIDE = 2
WIDTH = 48
GUIDES = 2
"""Maps beside the picture: whether the class is there, how sure the model is of that pixel."""
_TOWER = {2: 16, 4: 24, 8: 32, 16: 32, 32: 32}
_FINE = 32
_SURE_RANGE = (0.05, 0.95)


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.GroupNorm(8, outputs), nn.ReLU(inplace=True)
    )


class _Head(nn.Module):
    """A correction of one logit a cell, none at first."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(_FINE, _FINE, 3, padding=1)
        self.last = nn.Conv2d(_FINE, 1, 1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        correction: Tensor = self.last(F.relu(self.mix(x)))
        return correction[:, 0]


class PolishNet(nn.Module):
    """All that learns; the encoder is the caller's."""

    def __init__(self, channels: Mapping[int, int]) -> None:
        super().__init__()
        first = nn.Conv2d(GUIDES, _TOWER[2], 3, padding=1, bias=False)
        self.first = nn.Sequential(first, nn.GroupNorm(8, _TOWER[2]), nn.ReLU(inplace=True))
        steps = zip(list(_TOWER)[:-1], DECODER_STRIDES, strict=True)
        self.tower = nn.ModuleList(_down(_TOWER[coarse], _TOWER[fine]) for coarse, fine in steps)
        self.decoder = PyramidDecoder({s: channels[s] + _TOWER[s] for s in DECODER_STRIDES}, width=WIDTH)
        self.fine = nn.Sequential(
            nn.Conv2d(WIDTH + channels[2] + _TOWER[2], _FINE, 1, bias=False),
            nn.Conv2d(_FINE, _FINE, 3, padding=1, groups=_FINE, bias=False),
            nn.GroupNorm(8, _FINE),
            nn.ReLU(inplace=True),
        )
        self.mask, self.probability = _Head(), _Head()

    def forward(self, features: Mapping[int, Tensor], guides_B2yx: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, y, x) of the mask and of its probability.

        Args:
            features: of the encoder at strides 2 to 32, one picture each mask.
            guides_B2yx: the class's share of each cell, and the sureness there, 0..1.
        """
        near = self.first(guides_B2yx)
        joined, x = {}, near
        for stride, step in zip(DECODER_STRIDES, self.tower, strict=True):
            x = step(x)
            joined[stride] = torch.cat([features[stride], x], dim=1)
        wide = F.interpolate(self.decoder(joined), scale_factor=2.0, mode="bilinear", align_corners=False)
        fine = self.fine(torch.cat([wide, features[2], near], dim=1))
        given = given_logits(guides_B2yx)
        return given + self.mask(fine), given + self.probability(fine)


def given_logits(guides_B2yx: Tensor) -> Tensor:
    """What the model itself thinks, (B, y, x): the untrained network's answer."""
    share, sure = guides_B2yx[:, 0], guides_B2yx[:, 1].clamp(0.5, 1.0)
    probability = (share * sure + (1 - share) * (1 - sure)).clamp(*_SURE_RANGE)
    return torch.logit(probability)


def frozen_features(encoder: Encoder, rgb_BHWC: Tensor) -> dict[int, Tensor]:
    """Of uint8 pictures (B, H, W, 3) whose sides are multiples of 32; no gradient reaches the encoder."""
    with torch.no_grad():
        found: dict[int, Tensor] = encoder(encoder.normalise(rgb_BHWC))
    return found
