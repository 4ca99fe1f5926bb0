"""Early-learning regularisation, for labels of which some are wrong (ELR, Liu et al., NeurIPS 2020).

Networks fit right labels first and memorise wrong ones later. A running average T_i of what the network said of item i
is its soft target: T_i <- beta T_i + (1 - beta) p_i / sum p_i, without gradient, and then

L = CE(logits, y) + lambda * mean_i log(1 - <p_i, T_i>), p clamped to [1e-4, 1 - 1e-4].

After training, 1 - T_i[y_i] says how suspect a label is and argmax T_i what to put instead.
Shape letters: N items of the data set, B items of a batch, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.marks import IGNORE

BETA = 0.7
LAMBDA = 3.0
_FLOOR = 1e-4


class EarlyLearning(nn.Module):
    """The loss and its memory of N items; the memory is a buffer, so it is kept in checkpoints.

    The paper: beta 0.7 (0.9 for one-sided noise), lambda 1 to 7 and the one to tune; no warm-up.
    """

    memory_NC: Tensor

    def __init__(self, num_items: int, num_classes: int, *, beta: float = BETA, weight: float = LAMBDA) -> None:
        """`weight` is lambda; 0 gives plain cross entropy. Raises ValueError for settings out of range."""
        super().__init__()
        if num_items < 1 or num_classes < 1:
            raise ValueError("early-learning regularisation needs at least one item and one class")
        if not 0 <= beta < 1 or weight < 0:
            raise ValueError("beta must be in 0..1 (1 excluded) and the weight not negative")
        self.beta, self.weight = beta, weight
        self.register_buffer("memory_NC", torch.zeros(num_items, num_classes))

    def forward(self, logits_BC: Tensor, labels_B: Tensor, items_B: Tensor) -> Tensor:
        """Loss of a batch; items whose label is `IGNORE` (255) take no part and leave the memory as it is.

        Raises ValueError when the shapes do not match the memory or each other.
        """
        if logits_BC.shape[1] != self.memory_NC.shape[1] or not len(logits_BC) == len(labels_B) == len(items_B):
            raise ValueError(
                f"logits must be (batch, {self.memory_NC.shape[1]}) with one label and one item number each, "
                f"not {tuple(logits_BC.shape)}, {len(labels_B)} labels, {len(items_B)} items"
            )
        counted = labels_B != IGNORE
        logits_BC, labels_B, items_B = logits_BC[counted], labels_B[counted], items_B[counted]
        if not len(logits_BC):
            return logits_BC.sum() * 0.0
        loss = F.cross_entropy(logits_BC, labels_B.long())
        self.remember(logits_BC, items_B)
        return loss if self.weight == 0 else loss + self.weight * self.regulariser(logits_BC, items_B)

    @torch.no_grad()
    def remember(self, logits_BC: Tensor, items_B: Tensor) -> None:
        """Move the items' memory towards what is said of them now."""
        probs = _clamped(logits_BC)
        said = (1 - self.beta) * probs / probs.sum(dim=1, keepdim=True)
        self.memory_NC[items_B] = self.beta * self.memory_NC[items_B] + said.to(self.memory_NC.dtype)

    def regulariser(self, logits_BC: Tensor, items_B: Tensor) -> Tensor:
        """mean log(1 - <p, T>): falls as the prediction comes to agree with the memory."""
        agreement_B = (_clamped(logits_BC) * self.memory_NC[items_B].to(logits_BC.dtype)).sum(dim=1)
        return torch.log1p(-agreement_B.clamp(max=1 - _FLOOR)).mean()

    @torch.no_grad()
    def suspicion(self, labels_N: Tensor) -> Tensor:
        """1 - T_i[y_i] of every item, in 0..1, higher is worse; NaN for ignored and never seen items."""
        known = (labels_N != IGNORE) & (self.memory_NC.sum(dim=1) > 0)
        chosen = torch.where(known, labels_N.long(), torch.zeros_like(labels_N, dtype=torch.long))
        doubt = 1 - self.memory_NC.gather(1, chosen.unsqueeze(1)).squeeze(1)
        return torch.where(known, doubt, torch.full_like(doubt, torch.nan))

    @torch.no_grad()
    def suggestion(self) -> Tensor:
        """argmax T_i, (N,); `IGNORE` for items that were never seen."""
        best = self.memory_NC.argmax(dim=1)
        return torch.where(self.memory_NC.sum(dim=1) > 0, best, torch.full_like(best, IGNORE))

    @torch.no_grad()
    def forget(self, items_B: Tensor) -> None:
        """Start anew with items whose label was edited."""
        self.memory_NC[items_B] = 0


def _clamped(logits_BC: Tensor) -> Tensor:
    return torch.softmax(logits_BC, dim=1).clamp(_FLOOR, 1 - _FLOOR)
