"""Confidence weighting: labels one trusts less pull less.

L = (1/n) sum over labelled cells of r_i^gamma CE_i, n the number of labelled cells: a doubtful label loses its pull
instead of handing it to the others, which a division by the sum of the weights would do.
Shape letters: B batch, C classes, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.marks import IGNORE, UNLABELLED


def confidence_weighted(
    logits_BCHW: Tensor, labels_BHW: Tensor, confidence_BHW: Tensor, *, gamma: float = 1.0
) -> Tensor:
    """Cross entropy weighted by confidence; 0 when nothing is labelled.

    Args:
        logits_BCHW: of the network.
        labels_BHW: integer class positions; `IGNORE` (255) and `UNLABELLED` (254) do not count.
        confidence_BHW: 0..1, how far each label is trusted; gets no gradient.
        gamma: 0 trusts all alike, 1 in proportion, more is stricter.

    Raises:
        ValueError: shapes that do not match, gamma below 0.
    """
    if labels_BHW.shape != confidence_BHW.shape or logits_BCHW[:, 0].shape != labels_BHW.shape:
        raise ValueError("confidence weighting needs one label and one confidence a cell of the logits")
    if gamma < 0:
        raise ValueError("gamma must not be negative")
    counted = (labels_BHW != IGNORE) & (labels_BHW != UNLABELLED)
    targets = torch.where(counted, labels_BHW, torch.zeros_like(labels_BHW)).long()
    energy_BHW = F.cross_entropy(logits_BCHW, targets, reduction="none")
    weight_BHW = confidence_BHW.detach().clamp(0, 1) ** gamma * counted
    return (energy_BHW * weight_BHW).sum() / counted.sum().clamp(min=1)


@torch.no_grad()
def sureness(probs_BCHW: Tensor) -> Tensor:
    """The best class's probability, stretched so that an even guess is 0 and certainty 1; 1 for a single class."""
    classes = probs_BCHW.shape[1]
    if classes == 1:
        return torch.ones_like(probs_BCHW[:, 0])
    return (probs_BCHW.amax(dim=1) - 1 / classes) * classes / (classes - 1)
