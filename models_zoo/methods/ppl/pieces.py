"""A classifier that runs the rest of its encoder on pieces of its features as well as on the whole.

Shape letters: B batch, C classes, D channels, N pieces of a batch, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.networks.encoders import Encoder
from models_zoo.networks.tag_classifier import TagClassifier

Grid: TypeAlias = tuple[int, int]
"""Pieces as (rows, columns)."""
LEAST_SIDE = 4
"""Cells of the last map a side of a piece; in smaller ones there would be little but padding."""


def split(features_BDHW: Tensor, grid: Grid, *, multiple: int = 1) -> Tensor:
    """Features -> their pieces (N, D, H', W'), picture by picture and row by row.

    Sizes that cannot be parted into sides of that ``multiple`` are padded right and at the bottom by repetition.
    """
    rows, columns = grid
    bottom, right = -features_BDHW.shape[2] % (rows * multiple), -features_BDHW.shape[3] % (columns * multiple)
    if bottom or right:
        features_BDHW = F.pad(features_BDHW, (0, right, 0, bottom), mode="replicate")
    batch, depth, height, width = features_BDHW.shape
    parted = features_BDHW.view(batch, depth, rows, height // rows, columns, width // columns)
    pieces = parted.permute(0, 2, 4, 1, 3, 5).reshape(-1, depth, height // rows, width // columns)
    return pieces.contiguous(memory_format=torch.channels_last)


def stitch(pieces_NDHW: Tensor, grid: Grid, size: tuple[int, int]) -> Tensor:
    """Invert `split`: (B, D, *size), without what was padded."""
    rows, columns = grid
    count, depth, height, width = pieces_NDHW.shape
    parted = pieces_NDHW.view(count // (rows * columns), rows, columns, depth, height, width)
    whole = parted.permute(0, 3, 1, 4, 2, 5).reshape(-1, depth, rows * height, columns * width)
    return whole[:, :, : size[0], : size[1]].contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Cut:
    """Features of that nominal stride, cut into `side` x `side` pieces."""

    stride: int
    side: int


class PatchClassifier(TagClassifier):
    """A `TagClassifier` on the last map of the whole beside those put together from pieces.

    Attributes:
        cuts: in the order of their turns.
        turn: number of the cut whose turn it is; with `at_once` all are looked at and it is not.
        at_once: each cut then has a part of the classifier of its own, and none teaches what lies before it.
    """

    def __init__(self, encoder: Encoder, num_classes: int, cuts: Sequence[Cut], *, at_once: bool) -> None:
        super().__init__(encoder, num_classes, joined=1 + (len(cuts) if at_once else 1))
        self.cuts, self.at_once = tuple(cuts), at_once
        self.turn = len(cuts) - 1

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """As `TagClassifier`; what is called 32 are the channels of the whole, then those of the pieces."""
        layers, _ = self.encoder.chain(images_BCHW)
        used = self.cuts if self.at_once else (self.cuts[self.turn],)
        joined = torch.cat([layers[32], *(self.from_pieces(layers, cut) for cut in used)], dim=1)
        layers = {**layers, 32: joined}
        return self.class_maps(layers).mean(dim=(2, 3)), layers

    def from_pieces(self, layers: dict[int, Tensor], cut: Cut) -> Tensor:
        """The last map, of the size it has for the whole, each piece of the cut features having been seen alone."""
        size = (layers[32].shape[2], layers[32].shape[3])
        features = layers[cut.stride].detach() if self.at_once else layers[cut.stride]
        rows, columns = (max(1, min(cut.side, side // LEAST_SIDE)) for side in size)
        pieces = split(features, (rows, columns), multiple=features.shape[2] // size[0])
        return stitch(self.encoder.onward(pieces, after=cut.stride)[32], (rows, columns), size)

    def parted_maps(self, layers: dict[int, Tensor]) -> list[Tensor]:
        """What the whole and each cut add to the class maps: (B, C, h, w) each, with `class_maps` their sum."""
        count = layers[32].shape[1] // self.encoder.channels[32]
        pairs = zip(layers[32].chunk(count, dim=1), self.classify.weight.chunk(count, dim=1), strict=True)
        return [F.conv2d(part, weight) for part, weight in pairs]
