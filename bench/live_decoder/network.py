"""The decoder: a U-net of 124,000 parameters from the half grid to an eighth of it.

B pictures, H x W cells of the half grid, of which each side is a multiple of 8.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.live_decoder.maps import CHANNELS, VALID

_WIDTHS = (12, 24, 40, 48)
_MAX_LOGIT = 6.0


class _Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        features: Tensor = functional.relu(self.body(x_BCHW)) + self.shortcut(x_BCHW)
        return features


class Decoder(nn.Module):
    """Changes the walk's log odds by a factor and a sum; as it starts, it changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(_Block(a, b) for a, b in zip((CHANNELS, *_WIDTHS[:-1]), _WIDTHS, strict=True))
        self.context = nn.Linear(_WIDTHS[-1], _WIDTHS[-1])
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(_WIDTHS))
        self.up = nn.ModuleList(_Block(width, width) for width in _WIDTHS[:-1])
        self.head = nn.Conv2d(_WIDTHS[0], 2, 1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, maps: Tensor, logits: Tensor) -> Tensor:
        """New log odds (B, 2H, 2W) from ``maps`` (B, CHANNELS, H, W) and the walk's ``logits`` (B, 2H, 2W)."""
        levels: list[Tensor] = []
        x = maps
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


def save_decoder(network: Decoder, path: Path) -> None:
    """Write the weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)


def load_decoder(path: Path) -> Decoder:
    """Weights written by `save_decoder`, ready to answer. Raises SystemExit naming what to do."""
    network = Decoder()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise SystemExit(f"{path} holds no decoder ({error}): make one with `train`.") from error
    return network.eval()


def _doubled(x_BCHW: Tensor) -> Tensor:
    return functional.interpolate(x_BCHW, scale_factor=2, mode="bilinear", align_corners=False)
