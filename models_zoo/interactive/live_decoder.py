"""A small U-net that mends the walk's answer: what marks and pictures have to do with each other, learned once.

It reads maps that mean the same in every picture (`live_maps`), one class against the rest, so it knows nothing of what
the class is. Its weights (`live_decoder.f16`, float16 in the order of its parameters) were made by `bench/live_decoder`
from composites and sets whose terms permit it; the browser's twin reads the same file. Depthwise convolutions (Howard
et al., "MobileNets", 2017) keep a solve within a few milliseconds there. B pictures; 64 x 64 cells of the half grid.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from models_zoo.interactive.live_maps import CHANNELS, VALID

WEIGHTS = Path(__file__).with_name("live_decoder.f16")
SIDE = 64
"""Cells a side of the half grid that maps are padded to; the largest grid has twice as many."""

NO_LOGIT = -9.0
"""What the walk's log odds are padded with."""

_WIDTHS = (12, 24, 40, 48)
_MAX_LOGIT = 6.0


class _Mixed(nn.Module):
    """A convolution of single cells, a norm (while training) and a rectifier; before it one of each map by itself."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool, near: bool = True) -> None:
        super().__init__()
        self.near = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False) if near else nn.Identity()
        self.mix = nn.Conv2d(inputs, outputs, 1, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return functional.relu(self.norm(self.mix(self.near(x_BCHW))))


class _Block(nn.Module):
    """Two of them and a shortcut."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool) -> None:
        super().__init__()
        self.first = _Mixed(inputs, outputs, norm=norm)
        self.second = _Mixed(outputs, outputs, norm=norm)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        features: Tensor = self.second(self.first(x_BCHW)) + self.shortcut(x_BCHW)
        return features


class Decoder(nn.Module):
    """Changes the walk's log odds by a factor and a sum; as it starts, it changes nothing.

    With ``norm`` it can be trained; `folded` gives the one without, which answers alike.
    """

    def __init__(self, *, norm: bool = False) -> None:
        super().__init__()
        self.stem = _Mixed(CHANNELS, _WIDTHS[0], norm=norm, near=False)
        self.down = nn.ModuleList(_Block(a, b, norm=norm) for a, b in pairwise((_WIDTHS[0], *_WIDTHS)))
        self.context = nn.Linear(_WIDTHS[-1], _WIDTHS[-1])
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(_WIDTHS))
        self.up = nn.ModuleList(_Block(width, width, norm=norm) for width in _WIDTHS[:-1])
        self.head = nn.Conv2d(_WIDTHS[0], 2, 1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, maps: Tensor, logits: Tensor) -> Tensor:
        """New log odds (B, 128, 128) from ``maps`` (B, CHANNELS, 64, 64) and the walk's ``logits`` (B, 128, 128)."""
        levels: list[Tensor] = []
        x = self.stem(maps)
        for depth, block in enumerate(self.down):
            x = block(functional.avg_pool2d(x, 2) if depth else x)
            levels.append(x)
        valid = functional.avg_pool2d(maps[:, VALID : VALID + 1], 2 ** (len(levels) - 1))
        mean = (x * valid).sum(dim=(2, 3)) / valid.sum(dim=(2, 3)).clamp_min(1e-3)
        x = x + self.context(mean)[:, :, None, None]
        for level in reversed(range(len(self.up))):
            x = self.up[level](_doubled(self.lateral[level](x)) + levels[level])
        change = _doubled(self.head(x))
        return logits.clamp(-_MAX_LOGIT, _MAX_LOGIT) * (1 + change[:, 0] / 3) + change[:, 1]


def folded(network: Decoder) -> Decoder:
    """The norms of a trained network become part of the convolutions before them."""
    plain = Decoder().eval()
    source = dict(network.named_modules())
    with torch.no_grad():
        for name, part in plain.named_modules():
            given = source[name]
            if isinstance(part, _Mixed) and isinstance(given, _Mixed) and isinstance(given.norm, nn.BatchNorm2d):
                norm = given.norm
                assert norm.running_var is not None and norm.running_mean is not None and part.mix.bias is not None
                scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
                part.mix.weight.copy_(given.mix.weight * scale[:, None, None, None])
                part.mix.bias.copy_(norm.bias - norm.running_mean * scale)
                if isinstance(part.near, nn.Conv2d) and isinstance(given.near, nn.Conv2d):
                    part.near.weight.copy_(given.near.weight)
            elif isinstance(part, nn.Conv2d | nn.Linear) and not name.endswith((".mix", ".near")):
                part.load_state_dict(given.state_dict())
    return plain


def weakened(network: Decoder, strength: float) -> Decoder:
    """The same network, of whose change to the walk's log odds only a share is left; in place."""
    with torch.no_grad():
        for values in network.head.parameters():
            values.mul_(strength)
    return network


def save_weights(network: Decoder, path: Path) -> None:
    """Write the weights of a folded network, float16, little-endian, in the order of its parameters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = torch.cat([values.detach().reshape(-1) for values in network.parameters()])
    path.write_bytes(flat.numpy().astype("<f2").tobytes())


@cache
def load_weights(path: Path = WEIGHTS) -> Decoder:
    """The network of a file by `save_weights`, ready to answer. Raises ValueError if it holds another."""
    network = Decoder().eval()
    flat = np.fromfile(path, "<f2")
    expected = sum(values.numel() for values in network.parameters())
    if len(flat) != expected or not np.isfinite(flat).all():
        raise ValueError(f"{path} does not hold the {expected} finite numbers of a decoder: make it again.")
    torch.nn.utils.vector_to_parameters(torch.from_numpy(flat.astype(np.float32)), network.parameters())
    return network.requires_grad_(False)


def decode(network: Decoder, maps: npt.NDArray[np.float32], logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The class's probabilities (h, w) from ``maps`` (CHANNELS, H, W) of the half grid and ``logits`` (h, w)."""
    height, width = logits.shape
    given = torch.from_numpy(padded(maps, SIDE)), torch.from_numpy(padded(logits, 2 * SIDE, NO_LOGIT))
    with torch.inference_mode():
        answer = torch.sigmoid(network(given[0][None], given[1][None])[0])
    return np.asarray(answer.numpy()[:height, :width], np.float32)


def padded(planes: npt.NDArray[np.float32], side: int, value: float = 0.0) -> npt.NDArray[np.float32]:
    """The last two axes filled up to ``side``, at the right and below."""
    height, width = planes.shape[-2:]
    edges = [(0, 0)] * (planes.ndim - 2) + [(0, side - height), (0, side - width)]
    return np.pad(planes, edges, constant_values=value)


def _doubled(x_BCHW: Tensor) -> Tensor:
    return functional.interpolate(x_BCHW, scale_factor=2, mode="bilinear", align_corners=False)
