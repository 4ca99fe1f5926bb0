"""Streams that see different evidence of one picture, each with a map and an opinion on pairs of places.

Shape letters: B batch, C classes, D channels, H height, W width; g = H / 16 rows and k = W / 16 columns, N = g k.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.cells import hold_at_zero
from models_zoo.networks.encoders import Encoder
from models_zoo.networks.noise_filters import BayarFilter, SrmFilter

SHARES = {"rgb": 1.0, "srm": 2.0, "bayar": 2.0}
"""How much each stream's map counts in the mean, before these are made to sum to 1."""
PAIRED = 1024
"""At most so many places are compared with each other; finer maps are averaged for that."""
_HEAD_WIDTH = 128
_PAIR_WIDTHS = (128, 64)


class Stream(nn.Module):
    """A filter, an encoder of its own, FCN-16s' head, and two small heads whose products compare places."""

    def __init__(self, name: str, encoder: Encoder, num_classes: int) -> None:
        """Takes the encoder over; `name` is one of `SHARES`."""
        super().__init__()
        self.share = SHARES[name]
        self.encoder = encoder
        self.residual: nn.Module | None = {"rgb": lambda: None, "srm": SrmFilter, "bayar": BayarFilter}[name]()
        self.head = nn.Sequential(
            nn.Conv2d(encoder.channels[16] + encoder.channels[32], _HEAD_WIDTH, 3, padding=1, bias=False),
            nn.GroupNorm(8, _HEAD_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(_HEAD_WIDTH, num_classes, 1),
        )
        self.pairs = nn.ModuleList(_pair_head(encoder.channels[16]) for _ in range(2))

    def forward(self, rgb_BHWC: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 pictures -> logits (B, C, g, k) and the features (B, D, g, k) that `differences` compares."""
        if self.residual is None:
            seen = self.encoder.normalise(rgb_BHWC)
        else:
            seen = self.residual(rgb_BHWC.permute(0, 3, 1, 2).float()).contiguous(memory_format=torch.channels_last)
        features = self.encoder(seen)
        size = features[16].shape[2:]
        coarse = F.interpolate(features[32], size=size, mode="bilinear", align_corners=False)
        return self.head(torch.cat([features[16], coarse], dim=1)), features[16]

    def differences(self, features_BDgk: Tensor) -> Tensor:
        """Logits (B, N, N), positive where two places are taken to differ in kind: -u_i . v_j / sqrt(width)."""
        first, second = (head(features_BDgk).float().flatten(2) for head in self.pairs)
        return -torch.einsum("bdi,bdj->bij", first, second) / math.sqrt(_PAIR_WIDTHS[-1])


class Streams(nn.Module):
    """All streams, and the mean of what they see."""

    def __init__(self, encoders: Mapping[str, Encoder], num_classes: int, background: int | None) -> None:
        """One stream for each name; the background's logit is held at 0, so that it is what the others leave."""
        super().__init__()
        self.streams = nn.ModuleDict({name: Stream(name, encoder, num_classes) for name, encoder in encoders.items()})
        self.background = background

    def named(self) -> dict[str, Stream]:
        """The streams by name."""
        return {name: stream for name, stream in self.streams.items() if isinstance(stream, Stream)}

    def shares(self) -> dict[str, float]:
        """How much each stream counts, summing to 1."""
        total = sum(stream.share for stream in self.named().values())
        return {name: stream.share / total for name, stream in self.named().items()}

    def forward(self, views: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """Each stream's logits and features of its own view of the pictures."""
        found = {}
        for name, stream in self.named().items():
            logits, features = stream(views[name])
            found[name] = (hold_at_zero(logits.float(), self.background), features)
        return found


def pair_side(size: tuple[int, int]) -> int:
    """Places a side that are averaged so that at most `PAIRED` are left to compare."""
    side = 1
    while -(-size[0] // side) * -(-size[1] // side) > PAIRED:
        side += 1
    return side


def _pair_head(channels: int) -> nn.Module:
    wide, narrow = _PAIR_WIDTHS
    return nn.Sequential(nn.Conv2d(channels, wide, 1), nn.LeakyReLU(), nn.Conv2d(wide, narrow, 1))
