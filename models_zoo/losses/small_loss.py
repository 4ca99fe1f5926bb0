"""Small-loss selection and co-teaching: what a network fits easily is probably labelled right.

Han et al., NeurIPS 2018; with disjoint halves as in Chen et al., TNNLS 2022 (nested dropout and co-teaching): network 1
ranks one half of the batch, network 2 the other, and each half's easy share is what the *other* network learns from.
Shape letters: N items (images, or labelled pixels) of a batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def forget_rate(progress: float, final: float, *, ramp: float = 0.0) -> float:
    """The share to leave out: 0 at the start, `final` from a share `ramp` of training on; linear in between."""
    if not 0 <= final < 1 or not 0 <= ramp <= 1:
        raise ValueError("the forget rate must be in 0..1 (1 excluded) and the ramp in 0..1")
    return final if ramp == 0 else final * min(1.0, max(0.0, progress) / ramp)


@torch.no_grad()
def small_loss(losses_N: Tensor, rate: float, valid_N: Tensor | None = None) -> Tensor:
    """Bool (N,): the (1 - rate) share of valid items with the smallest loss, at least one if there is any.

    Ties go to the earlier item. Items whose loss is not finite are never chosen.

    Args:
        losses_N: one loss an item.
        rate: share to leave out, 0..1 (1 excluded).
        valid_N: bool, items that have a label; None: all.
    """
    if losses_N.ndim != 1 or (valid_N is not None and valid_N.shape != losses_N.shape):
        raise ValueError("small-loss selection needs one loss an item; flatten losses and valid alike")
    if not 0 <= rate < 1:
        raise ValueError("the forget rate must be in 0..1 (1 excluded)")
    usable = losses_N.isfinite() if valid_N is None else losses_N.isfinite() & valid_N
    count = int(usable.sum())
    chosen = torch.zeros_like(usable)
    if count:
        # Rounded first: 0.1 * 10 items must not become 10 - 8.999.. = 2 left out.
        keep = max(1, count - math.floor(round(rate * count, 9)))
        ranked = torch.where(usable, losses_N, torch.full_like(losses_N, torch.inf)).argsort(stable=True)
        chosen[ranked[:keep]] = True
    return chosen


def exchange(
    first_N: Tensor, second_N: Tensor, rate: float, valid_N: Tensor | None = None, *, halves: bool = True
) -> tuple[Tensor, Tensor]:
    """What network 1 and what network 2 learn from, two bool (N,), given both networks' losses.

    With `halves`, network 1 ranks the first half and network 2 the second (Chen et al.); without, both rank the whole
    batch (Han et al.). Either way the choice of one goes to the other.
    """
    if first_N.shape != second_N.shape:
        raise ValueError("co-teaching needs the losses of the same items from both networks")
    valid = torch.ones_like(first_N, dtype=torch.bool) if valid_N is None else valid_N
    ranked_by_first = ranked_by_second = valid
    if halves:
        early = torch.arange(len(first_N), device=first_N.device) < len(first_N) // 2
        ranked_by_first, ranked_by_second = valid & early, valid & ~early
    return small_loss(second_N, rate, ranked_by_second), small_loss(first_N, rate, ranked_by_first)


def mean_of(losses_N: Tensor, chosen_N: Tensor) -> Tensor:
    """Mean loss of the chosen items; 0 without any. Items left out send no gradient, not even NaN."""
    return torch.where(chosen_N, losses_N, torch.zeros_like(losses_N)).sum() / chosen_N.sum().clamp(min=1)
