"""Soft dice on labelled cells: overlap of each class, so that small classes count like large ones.

Shape letters: B batch, C classes, H height, W width.
"""

from __future__ import annotations

from torch import Tensor


def soft_dice(probs_BCHW: Tensor, targets_BCHW: Tensor, *, smooth: float = 1.0) -> Tensor:
    """Mean over the classes that occur in the targets of 1 - (2 |P T| + s) / (|P| + |T| + s).

    Sums run over the whole batch and over labelled cells only (where targets sum to more than 0), weighted by
    how much of the cell is labelled. Returns 0 when nothing is labelled.

    Args:
        probs_BCHW: class probabilities.
        targets_BCHW: fractions in 0..1, as for `partial_cross_entropy`.
        smooth: keeps tiny classes from giving wild gradients; in cells.
    """
    labelled_B1HW = targets_BCHW.sum(dim=1, keepdim=True)
    over = (0, 2, 3)
    overlap_C = (probs_BCHW * targets_BCHW).sum(dim=over)
    total_C = (probs_BCHW * labelled_B1HW).sum(dim=over) + targets_BCHW.sum(dim=over)
    occurs_C = targets_BCHW.sum(dim=over) > 0
    loss_C = 1 - (2 * overlap_C + smooth) / (total_C + smooth)
    return (loss_C * occurs_C).sum() / occurs_C.sum().clamp(min=1)
