"""Pictures cut into a coarse grid of square cells, and a classifier of cells.

Shape letters: B batch, C classes, D channels, H height, W width; g rows and k columns of cells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.encoders import Encoder
from models_zoo.networks.tag_classifier import MAP_STRIDE

DROPOUT = 0.15


def to_cells(values_BDHW: Tensor, side: int) -> Tensor:
    """Mean of each cell of side x side places, (B, D, ceil(H / side), ceil(W / side)); the last ones may be cut."""
    return F.avg_pool2d(values_BDHW, side, ceil_mode=True)


def from_cells(cells_BDgk: Tensor, side: int, size: tuple[int, int], *, mode: str = "bilinear") -> Tensor:
    """Cells of side x side places put back onto a grid of that (height, width): `to_cells` the other way.

    Args:
        cells_BDgk: one value a cell.
        side: places a cell.
        size: at most the cells' own (g * side, k * side); what lies beyond is cut off.
        mode: "bilinear" joins the middles of the cells, "nearest" leaves them square.
    """
    enlarged = F.interpolate(
        cells_BDgk, scale_factor=float(side), mode=mode, align_corners=False if mode == "bilinear" else None
    )
    return enlarged[..., : size[0], : size[1]]


def hold_at_zero(logits_BCgk: Tensor, background: int | None) -> Tensor:
    """The logits with the background's at 0: with one other class its softmax is that class's sigmoid."""
    if background is None:
        return logits_BCgk
    is_ground = torch.arange(logits_BCgk.shape[1], device=logits_BCgk.device) == background
    return logits_BCgk.masked_fill(is_ground.view(1, -1, 1, 1), 0.0)


class CellClassifier(nn.Module):
    """Mean over each cell of an encoder's features at stride 16, then two linear layers with dropout between.

    Later features see most of the picture from everywhere, and a cell has to speak for itself.
    """

    def __init__(self, encoder: Encoder, num_classes: int, *, cell: int) -> None:
        """Takes the encoder over; `cell` is a multiple of 16 pixels."""
        super().__init__()
        if cell <= 0 or cell % MAP_STRIDE:
            raise ValueError(f"a cell must be a multiple of {MAP_STRIDE} pixels")
        self.encoder = encoder
        self.side = cell // MAP_STRIDE
        self.width = encoder.channels[MAP_STRIDE]
        last = nn.Conv2d(self.width, num_classes, 1)
        nn.init.normal_(last.weight, std=0.01)
        self.head = nn.Sequential(nn.Conv2d(self.width, self.width, 1), nn.Dropout(DROPOUT), last)

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised images -> features (B, D, g, k) and logits (B, C, g, k) of the cells."""
        layers, _ = self.encoder.chain(images_BCHW)
        cells = to_cells(layers[MAP_STRIDE], self.side)
        return cells, self.classify(cells)

    def classify(self, cells_BDgk: Tensor) -> Tensor:
        """Logits (B, C, g, k) of features; only their direction counts, as lengths differ between encoders."""
        logits: Tensor = self.head(F.normalize(cells_BDgk, dim=1) * math.sqrt(self.width))
        return logits
