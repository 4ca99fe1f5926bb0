"""What image-level tags ask of a classifier: a loss a class, or a contest of classes; unknown ones left out.

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


def tag_contest(logits_BC: Tensor, present_BC: Tensor, absent_BC: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Each present class against all absent ones (the classification loss of BAS, Wu et al. 2022 and Zhai et al. 2023).

    An image's loss is the sum over its present classes c of -log(exp x_c / (1 + exp x_c + sum_a exp x_a)), a over its
    absent classes; where none is present, -log(1 / (1 + sum_a exp x_a)). Present classes do not compete among each
    other. The 1 is "none of them" with a logit of 0, which the paper does not have: with it an image without any
    class teaches too, a logit above 0 means something, and one class alone gives `tag_margin`.

    Args:
        logits_BC: one logit a class.
        present_BC: bool, tagged present.
        absent_BC: bool, tagged absent. Neither means unknown.
        smoothing: who should win aims at 1 - smoothing / 2, against wrong tags and logits without bounds.

    Returns:
        A scalar, the mean over images of which any tag is known; 0 without any.
    """
    nothing_B1 = torch.zeros_like(logits_BC[:, :1])
    # Without absent classes their sum is never looked at; all classes stand in, to keep it finite.
    counted_BC = absent_BC | ~absent_BC.any(dim=1, keepdim=True)
    rivals_BC = logits_BC.masked_fill(~counted_BC, -torch.inf)
    absent_B1 = torch.logsumexp(rivals_BC, dim=1, keepdim=True)
    against_B1 = torch.where(absent_BC.any(dim=1, keepdim=True), F.softplus(absent_B1), nothing_B1)
    # With d how far the right ones lead: -log(1 / (1 + exp -d)) = softplus(-d), and smoothing / 2 for the others.
    lead_BC = logits_BC - against_B1
    each_BC = F.softplus(-lead_BC) + smoothing / 2 * lead_BC
    won_B = torch.where(present_BC, each_BC, torch.zeros_like(each_BC)).sum(dim=1)
    none_B = (F.softplus(absent_B1) - smoothing / 2 * absent_B1).squeeze(1)
    energy_B = torch.where(present_BC.any(dim=1), won_B, none_B)
    known_B = (present_BC | absent_BC).any(dim=1)
    return torch.where(known_B, energy_B, torch.zeros_like(energy_B)).sum() / known_B.sum().clamp(min=1)
