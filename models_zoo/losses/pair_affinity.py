"""Do two near places belong together? The pair loss of AffinityNet and IRNet (Ahn and Kwak 2018; Ahn et al. 2019).

L = 1/4 mean -log a over pairs of background + 1/4 mean -log a over pairs of one thing + 1/2 mean -log(1 - a) over pairs
of different labels. Background pairs are the most by far; a common mean would drown the rest.
Shape letters: B batch, D channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models_zoo.marks import IGNORE
from models_zoo.refiners.affinity_walk import Offset, on_line

_EPS = 1e-5


def pair_affinity(
    affinities: Sequence[Tensor], labels_BHW: Tensor, offsets: Sequence[Offset], *, background: int | None
) -> Tensor:
    """The loss above; a kind of pair that does not occur is 0.

    Args:
        affinities: for each offset (dy, dx) the affinity 0..1 of each place and the one that far away,
            (B, H - dy, W - |dx|), from `border_pairs` or `feature_pairs`.
        labels_BHW: integer class positions; pairs with an `IGNORE` (255) do not count.
        offsets: of `affinity_walk.half_plane`, so that no pair comes twice.
        background: position of the background class; None: all equal pairs are of things.
    """
    sums = [labels_BHW.new_zeros((), dtype=torch.float32) for _ in range(3)]
    counts = [labels_BHW.new_zeros((), dtype=torch.float32) for _ in range(3)]
    for affinity, offset in zip(affinities, offsets, strict=True):
        here, there = parted(labels_BHW, offset)
        known = (here != IGNORE) & (there != IGNORE)
        same = known & (here == there)
        ground = same & (here == background) if background is not None else torch.zeros_like(same)
        near, far = -torch.log(affinity + _EPS), -torch.log(1 - affinity + _EPS)
        for kind, (energy, part) in enumerate(((near, ground), (near, same & ~ground), (far, known & ~same))):
            sums[kind] = sums[kind] + torch.where(part, energy, torch.zeros_like(energy)).sum()
            counts[kind] = counts[kind] + part.sum()
    means = [total / count.clamp(min=1) for total, count in zip(sums, counts, strict=True)]
    return means[0] / 4 + means[1] / 4 + means[2] / 2


def parted(values: Tensor, offset: Offset) -> tuple[Tensor, Tensor]:
    """Views (here, there) of (…, H, W), such that `there` is `offset` away; both (…, H - dy, W - |dx|)."""
    dy, dx = offset
    rows, columns = max(0, values.shape[-2] - dy), max(0, values.shape[-1] - abs(dx))
    left = max(0, -dx)
    here = values[..., :rows, left : left + columns]
    return here, values[..., dy : dy + rows, left + dx : left + dx + columns]


def border_pairs(borders_BHW: Tensor, offsets: Sequence[Offset]) -> list[Tensor]:
    """1 - the highest border 0..1 on the straight line between both, ends included (IRNet)."""
    made = []
    for dy, dx in offsets:
        rows, columns = max(0, borders_BHW.shape[-2] - dy), max(0, borders_BHW.shape[-1] - abs(dx))
        left = max(0, -dx)
        line = [borders_BHW[:, y : y + rows, left + x : left + x + columns] for y, x in on_line(dy, dx)]
        made.append(1 - torch.stack(line).amax(dim=0))
    return made


def feature_pairs(features_BDHW: Tensor, offsets: Sequence[Offset]) -> list[Tensor]:
    """exp(-mean_k |f_i - f_j|) (AffinityNet)."""
    pairs = [parted(features_BDHW, offset) for offset in offsets]
    return [torch.exp(-(here - there).abs().mean(dim=1)) for here, there in pairs]
