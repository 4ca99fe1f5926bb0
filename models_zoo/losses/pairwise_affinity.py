"""Pairwise affinity of BoxInst (Tian et al., CVPR 2021): neighbours of like colour belong to the same side of a mask.

P(i, j same) = m_i m_j + (1 - m_i)(1 - m_j), computed from logits; an edge counts if its colours are alike,
S_ij = exp(-|Lab_i - Lab_j| / 2) >= 0.3, and i lies in the object's box:
L = sum of counted -log P(same) / max(1, number counted). Neighbours are the eight at distance 2.
The published warm-up multiplies L with min(1, step / 10000); that is left to the caller.

Shape letters: B batch, C classes, H height, W width, M masks, E = 8 neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SIMILARITY = 0.3
DILATION = 2
_DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_WHITE_D65 = (0.950456, 1.0, 1.088754)
_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))


def pairwise_affinity(
    logits_MHW: Tensor,
    similarity_MEHW: Tensor,
    inside_MHW: Tensor,
    *,
    threshold: float = SIMILARITY,
    dilation: int = DILATION,
) -> Tensor:
    """BoxInst's loss for masks of objects; 0 when no edge counts.

    Args:
        logits_MHW: of each object's mask.
        similarity_MEHW: of its picture, from `colour_similarity`.
        inside_MHW: bool, cells in the object's box.
        threshold: similarity from which on an edge counts.
        dilation: distance of the neighbours in cells, as for the similarity.
    """
    in_log, out_log = F.logsigmoid(logits_MHW), F.logsigmoid(-logits_MHW)
    same = torch.logaddexp(
        in_log.unsqueeze(1) + neighbours(in_log, dilation), out_log.unsqueeze(1) + neighbours(out_log, dilation)
    )
    counted = (similarity_MEHW >= threshold) & inside_MHW.unsqueeze(1)
    return _mean_energy(same, counted)


def pairwise_classes(
    logits_BCHW: Tensor,
    similarity_BEHW: Tensor,
    counted_BHW: Tensor,
    *,
    threshold: float = SIMILARITY,
    dilation: int = DILATION,
) -> Tensor:
    """The same for a label map: P(same) = sum_c p_i(c) p_j(c); `counted_BHW` says which cells i count."""
    log_probs = torch.log_softmax(logits_BCHW, dim=1)
    moved = torch.stack([neighbours(part, dilation) for part in log_probs.unbind(dim=1)], dim=1)
    same_BEHW = torch.logsumexp(log_probs.unsqueeze(2) + moved, dim=1)
    return _mean_energy(same_BEHW, (similarity_BEHW >= threshold) & counted_BHW.unsqueeze(1))


@torch.no_grad()
def colour_similarity(
    rgb_BCHW: Tensor, valid_BHW: Tensor | None = None, *, dilation: int = DILATION, scale: float = 0.5
) -> Tensor:
    """exp(-scale |Lab_i - Lab_j|) of every cell and its eight neighbours, (B, E, H, W); 0 beyond what is valid.

    Args:
        rgb_BCHW: in 0..1, averaged down to the mask's grid.
        valid_BHW: bool, cells inside the picture; None: all.
        dilation: distance of the neighbours in cells.
        scale: of the distance in CIELAB.
    """
    lab = to_lab(rgb_BCHW)
    moved = torch.stack([neighbours(part, dilation) for part in lab.unbind(dim=1)], dim=2)
    distance_BEHW = (moved - lab.unsqueeze(1)).square().sum(dim=2).sqrt()
    valid = torch.ones_like(lab[:, 0]) if valid_BHW is None else valid_BHW.to(lab.dtype)
    both = neighbours(valid, dilation) * valid.unsqueeze(1)
    return torch.exp(-scale * distance_BEHW) * both


def neighbours(values_BHW: Tensor, dilation: int = DILATION) -> Tensor:
    """Each cell's eight neighbours at that distance, (B, E, H, W); 0 beyond the border."""
    height, width = values_BHW.shape[-2:]
    padded = F.pad(values_BHW, (dilation,) * 4)
    tops, lefts = ([dilation * (1 + step[axis]) for step in _DIRECTIONS] for axis in (0, 1))
    moved = [padded[..., y : y + height, x : x + width] for y, x in zip(tops, lefts, strict=True)]
    return torch.stack(moved, dim=-3)


def to_lab(rgb_BCHW: Tensor) -> Tensor:
    """sRGB in 0..1 to CIELAB (D65; L in 0..100), the same shape."""
    linear = torch.where(rgb_BCHW > 0.04045, ((rgb_BCHW + 0.055) / 1.055) ** 2.4, rgb_BCHW / 12.92)
    matrix = rgb_BCHW.new_tensor(_TO_XYZ) / rgb_BCHW.new_tensor(_WHITE_D65).unsqueeze(1)
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear)
    root = torch.where(xyz > 0.008856, xyz.clamp(min=1e-12) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = root.unbind(dim=1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def _mean_energy(log_same: Tensor, counted: Tensor) -> Tensor:
    return -(log_same * counted).sum() / counted.sum().clamp(min=1)
