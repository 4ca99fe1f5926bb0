"""Which marks a training step believes, where some may be wrong: one class a choice of the setting `noise`.

A mark is a stroke or a point (a connected patch of one class, `Batch.items_Bhw`). What is remembered of each lies in
buffers, so checkpoints hold it. Accepted masks are never doubted.
Shape letters: B batch, C classes, h, w cells; M marks of a batch, n their cells; N marks of all images; K networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models_zoo.losses.early_learning import EarlyLearning
from models_zoo.losses.small_loss import exchange, forget_rate, small_loss
from models_zoo.methods.base import Batch
from models_zoo.methods.seeded_segmentation.info import SeededSegmentationConfig

WARM_UP = 0.2
"""Share of training before anything that trusts the network's own output counts."""
_KEEP = 0.7
_KEEP_MEAN = 0.95
_FLOOR = 1e-4
_SEEN = 0.5
"""A mark is judged by its memory once the memory holds this much; a full one sums to 1."""


@dataclass(frozen=True)
class Marks:
    """The marks of a batch that show at least a cell.

    Attributes:
        items_M: their numbers over all images, ascending.
        labels_M: class positions.
        where_Bhw: bool, the n cells that they label.
        marks_n: which of the M each of the n is.
        mass_n: share of each that is labelled.
    """

    items_M: Tensor
    labels_M: Tensor
    where_Bhw: Tensor
    marks_n: Tensor
    mass_n: Tensor

    @classmethod
    def of(cls, batch: Batch) -> Marks:
        """Find them; M may be 0."""
        mass_BChw = batch.targets_BChw
        where = (batch.items_Bhw >= 0) & (mass_BChw.sum(dim=1) > 0)
        items_M, marks_n = torch.unique(batch.items_Bhw[where], return_inverse=True)
        mass_nC = mass_BChw.permute(0, 2, 3, 1)[where]
        mass_MC = mass_nC.new_zeros(len(items_M), mass_nC.shape[1]).index_add_(0, marks_n, mass_nC)
        return cls(items_M, mass_MC.argmax(dim=1), where, marks_n, mass_nC.sum(dim=1))

    def cells(self, values_BChw: Tensor) -> Tensor:
        """(n, C): what stands in the marks' cells."""
        return values_BChw.permute(0, 2, 3, 1)[self.where_Bhw]

    def pooled(self, probs_BChw: Tensor) -> Tensor:
        """(M, C): mean over a mark's cells, by their labelled share."""
        cells_nC = self.cells(probs_BChw) * self.mass_n[:, None]
        total_MC = cells_nC.new_zeros(len(self.items_M), cells_nC.shape[1]).index_add_(0, self.marks_n, cells_nC)
        return total_MC / total_MC.sum(dim=1, keepdim=True).clamp(min=_FLOOR)

    def of_label(self, values_MC: Tensor) -> Tensor:
        """(M,): the entry of each mark's own class."""
        return values_MC.gather(1, self.labels_M[:, None]).squeeze(1)

    def spread(self, trust_M: Tensor) -> Tensor:
        """(B, h, w): each cell's trust, 1 where no mark labels it."""
        trust_Bhw = torch.ones(self.where_Bhw.shape, device=trust_M.device)
        trust_Bhw[self.where_Bhw] = trust_M.float()[self.marks_n]
        return trust_Bhw


class Doubt(nn.Module):
    """What the choices have in common; by itself it believes every mark."""

    networks = 1

    def trust(self, marks: Marks, probs: Sequence[Tensor], believed: Tensor, progress: float) -> list[Tensor]:
        """How far each network is to believe the marks, (M,) in 0..1.

        Args:
            marks: of the batch.
            probs: of each network, (M, C), from `Marks.pooled`.
            believed: the same of the averaged network.
            progress: of the training, 0..1.
        """
        return [torch.ones_like(marks.of_label(believed)) for _ in probs]

    def regulariser(self, logits_BChw: Tensor, marks: Marks) -> Tensor | None:
        """A further loss on the marks' cells."""
        return None


class EarlyLearningDoubt(Doubt):
    """ELR with one memory a mark: a mark that the memory takes for another class after warm-up is not learnt from."""

    def __init__(self, num_items: int, num_classes: int) -> None:
        super().__init__()
        self.memory = EarlyLearning(num_items, num_classes)

    def trust(self, marks: Marks, probs: Sequence[Tensor], believed: Tensor, progress: float) -> list[Tensor]:
        """0 for marks whose remembered class is another, else 1."""
        self.memory.remember(probs[0].clamp(min=_FLOOR).log(), marks.items_M)
        remembered_MC = self.memory.memory_NC[marks.items_M]
        suspect = (remembered_MC.argmax(dim=1) != marks.labels_M) & (remembered_MC.sum(dim=1) >= _SEEN)
        return [1.0 - suspect.float() * float(progress >= WARM_UP)]

    def regulariser(self, logits_BChw: Tensor, marks: Marks) -> Tensor | None:
        """lambda * mean over the cells of log(1 - <p, T of their mark>)."""
        logits_nC = marks.cells(logits_BChw)
        return self.memory.weight * self.memory.regulariser(logits_nC, marks.items_M[marks.marks_n])


class SmallLossDoubt(Doubt):
    """Believe those marks of a class whose running loss is smallest; with two networks, the other's choice.

    A batch holds a handful of marks, so they are ranked over all images, and each class apart: marks of a class that is
    hard to learn always fit worst, and without them it would never be learnt.
    """

    losses_KN: Tensor
    labels_N: Tensor

    def __init__(self, num_items: int, *, rate: float, networks: int = 1) -> None:
        super().__init__()
        self.rate, self.networks = rate, networks
        self.register_buffer("losses_KN", torch.full((networks, num_items), torch.nan))
        self.register_buffer("labels_N", torch.full((num_items,), -1))

    def trust(self, marks: Marks, probs: Sequence[Tensor], believed: Tensor, progress: float) -> list[Tensor]:
        """1 for the marks chosen, else 0; the share that is left out grows during warm-up."""
        for number, probs_MC in enumerate(probs):
            now = -marks.of_label(probs_MC).clamp(min=_FLOOR).log()
            before = self.losses_KN[number, marks.items_M]
            running = torch.where(before.isnan(), now, _KEEP * before + (1 - _KEEP) * now)
            self.losses_KN[number, marks.items_M] = running
        self.labels_N[marks.items_M] = marks.labels_M
        rate = forget_rate(progress, self.rate, ramp=WARM_UP)
        chosen_KN = torch.zeros_like(self.losses_KN, dtype=torch.bool)
        for label in torch.unique(marks.labels_M):
            chosen_KN |= torch.stack(self._chosen(rate, self.labels_N == label))
        return [chosen_N[marks.items_M].float() for chosen_N in chosen_KN]

    def _chosen(self, rate: float, same_N: Tensor) -> list[Tensor]:
        """Of the marks `same_N` (bool) those each network learns from, (N,) each."""
        if self.networks == 1:
            return [small_loss(self.losses_KN[0], rate, same_N)]
        return list(exchange(self.losses_KN[0], self.losses_KN[1], rate, same_N, halves=False))


class ConfidenceDoubt(Doubt):
    """Believe a mark as far as the averaged network does, against what marks of its class get on average.

    That average is confident learning's threshold of a class. Without it the marks of a class that is hard to learn are
    believed less, and then it is learnt even less.
    """

    means_C: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("means_C", torch.full((num_classes,), torch.nan))

    def trust(self, marks: Marks, probs: Sequence[Tensor], believed: Tensor, progress: float) -> list[Tensor]:
        """min(1, probability of the mark's class / running mean of that over marks of the class); all 1 at first."""
        likely_M = marks.of_label(believed)
        for label in torch.unique(marks.labels_M):
            now, before = likely_M[marks.labels_M == label].mean(), self.means_C[label]
            self.means_C[label] = torch.where(before.isnan(), now, _KEEP_MEAN * before + (1 - _KEEP_MEAN) * now)
        ramp = min(1.0, max(0.0, (progress - WARM_UP) / WARM_UP))
        relative_M = (likely_M / self.means_C[marks.labels_M].clamp(min=_FLOOR)).clamp(max=1)
        return [1 - ramp * (1 - relative_M)]


def make_doubt(config: SeededSegmentationConfig, *, num_items: int, num_classes: int) -> Doubt | None:
    """The choice of the setting `noise`; None where every mark is believed."""
    if config.noise == "elr":
        return EarlyLearningDoubt(num_items, num_classes)
    if config.noise == "confidence":
        return ConfidenceDoubt(num_classes)
    if config.noise == "none":
        return None
    return SmallLossDoubt(num_items, rate=config.noise_rate, networks=2 if config.noise == "nested_dropout" else 1)
