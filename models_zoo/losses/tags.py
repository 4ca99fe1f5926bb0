"""What image-level tags ask of a classifier: a loss a class, unknown classes left out.

Shape letters: B batch, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_EPS = 1e-4


def tag_margin(logits_BC: Tensor, present_BC: Tensor, absent_BC: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Multi-label soft margin: mean over known tags of -log s(x) if present, -log s(-x) if absent.

    Args:
        logits_BC: one logit a class.
        present_BC: bool, tagged present.
        absent_BC: bool, tagged absent. Neither means unknown: a missing tag is no proof of absence.
        smoothing: present aims at 1 - smoothing / 2 and absent at smoothing / 2, against wrong tags.

    Returns:
        A scalar; 0 without known tags.

    Raises:
        ValueError: a smoothing outside of 0 to 1.
    """
    if not 0 <= smoothing < 1:
        raise ValueError("smoothing must be at least 0 and below 1")
    known = present_BC | absent_BC
    goal = present_BC.to(logits_BC.dtype) * (1 - smoothing) + smoothing / 2
    energy_BC = F.binary_cross_entropy_with_logits(logits_BC, goal, reduction="none")
    return torch.where(known, energy_BC, torch.zeros_like(energy_BC)).sum() / known.sum().clamp(min=1)


def tag_cross_entropy(probs_BC: Tensor, present_BC: Tensor, absent_BC: Tensor) -> Tensor:
    """Mean over known tags of -log p if present, -log(1 - p) if absent; 0 without known tags.

    Args:
        probs_BC: how likely an image shows a class, 0..1.
        present_BC: bool, tagged present.
        absent_BC: bool, tagged absent. Neither means unknown.
    """
    known = present_BC | absent_BC
    sure_BC = probs_BC.clamp(_EPS, 1 - _EPS)
    energy_BC = torch.where(present_BC, -torch.log(sure_BC), -torch.log1p(-sure_BC))
    return (energy_BC * known).sum() / known.sum().clamp(min=1)
