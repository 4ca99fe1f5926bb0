"""A grid of cells that learns from one label a picture which of its cells are background.

First the cells learn to know themselves again in other colours, mirrored (SimCLR). From then on each batch's cells are
compared with the templates of the picture's class and of the background, and learn what they are more like.

Shape letters: B batch, C classes, D channels, H height, W width; h = H / 4, w = W / 4; g rows and k columns of cells.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.losses.contrastive import nt_xent
from models_zoo.losses.halves import halved_cross_entropy
from models_zoo.marks import IGNORE
from models_zoo.methods.averaged_training import ENCODER_RATE, FROZEN_STAGES, AveragedTraining
from models_zoo.methods.base import Batch, Losses, TaskContext
from models_zoo.methods.seafeats.info import SeaFeatsConfig
from models_zoo.methods.seafeats.templates import Templates, template_labels
from models_zoo.networks.cells import CellClassifier, from_cells, to_cells
from models_zoo.networks.encoders import starting_encoder
from models_zoo.networks.segmenter import OUTPUT_STRIDE

CONTRASTED = 512
"""At most so many cells of a batch are told apart: the cost grows with their square."""
GREY_CHANCE = 0.2
_PROJECTED = 128


class SeaFeatsTraining(AveragedTraining):
    """TrainingTask; predictions are the averaged network's cells, enlarged."""

    config: SeaFeatsConfig
    student: CellClassifier
    teacher: CellClassifier

    def __init__(self, config: SeaFeatsConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the network; `pretrained=False` leaves the encoder random, for weights loaded afterwards."""
        super().__init__(self.make_network(config, context.num_classes, pretrained=pretrained), config, context)
        width = self.student.width
        self.projection = nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, _PROJECTED, 1))
        self.templates = Templates(context.num_classes, width)
        self._side = int(config.cell) // OUTPUT_STRIDE

    def make_network(self, config: SeaFeatsConfig, num_classes: int, *, pretrained: bool) -> CellClassifier:
        """The grid, on an encoder of its own."""
        encoder = starting_encoder(config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES)
        return CellClassifier(encoder, num_classes, cell=int(config.cell))

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoder learns slower than what starts from nothing."""
        rate = self.config.learning_rate
        slow = ENCODER_RATE if self.student.encoder.is_pretrained else 1.0
        known = [p for p in self.student.encoder.parameters() if p.requires_grad]
        fresh = [*self.student.head.parameters(), *self.projection.parameters()]
        return [{"params": known, "lr": rate * slow}, {"params": fresh, "lr": rate}]

    def losses(self, batch: Batch) -> Losses:
        """Cells without labels at first, their labels from then on; marks all along."""
        cells_BDgk, logits_BCgk = self.student(self.student.encoder.normalise(batch.jittered_BHWC))
        # Absent tags speak through the cells' labels, where background and things weigh alike: here what was drawn.
        drawn = replace(batch, excluded_BChw=batch.excluded_BChw & ~batch.absent_BC[:, :, None, None])
        parts = self._marks(from_cells(logits_BCgk.float(), self._side, _size(batch)), drawn)
        if batch.progress < self.config.contrastive_share:
            parts["contrast"] = self._contrast(batch, cells_BDgk)
        else:
            labels_Bgk = self.labels(batch, F.normalize(cells_BDgk.detach().float(), dim=1))
            # Features that learnt these labels would soon agree with themselves: they rest, and the head learns.
            logits_BCgk = self.student.classify(cells_BDgk.detach()).float()
            parts["cells"] = halved_cross_entropy(logits_BCgk, labels_Bgk, background=self.background)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()})

    def _contrast(self, batch: Batch, cells_BDgk: Tensor) -> Tensor:
        """The cells against those of the picture in its own colours or in grey, mirrored."""
        # Mirrored only where the grid's cells fall on each other again.
        is_mirrored = batch.rgb_BHWC.shape[2] % int(self.config.cell) == 0
        other_BHWC = batch.rgb_BHWC.flip(2) if is_mirrored else batch.rgb_BHWC
        is_grey = (torch.rand(len(other_BHWC)) < GREY_CHANCE).to(other_BHWC.device)
        grey_BHWC = other_BHWC.float().mean(dim=3, keepdim=True).to(torch.uint8).expand_as(other_BHWC)
        other_BHWC = torch.where(is_grey[:, None, None, None], grey_BHWC, other_BHWC)
        others_BDgk, _ = self.student(self.student.encoder.normalise(other_BHWC))
        kept = torch.nonzero(self._valid_cells(batch).flatten()).flatten()
        kept = kept[torch.randperm(len(kept))[:CONTRASTED].to(kept.device)]
        others_BDgk = others_BDgk.flip(3) if is_mirrored else others_BDgk
        views = [self.projection(cells).float() for cells in (cells_BDgk, others_BDgk)]
        first, second = (view.permute(0, 2, 3, 1).flatten(0, 2)[kept] for view in views)
        return nt_xent(first, second, temperature=self.config.temperature)

    @torch.no_grad()
    def labels(self, batch: Batch, units_BDgk: Tensor) -> Tensor:
        """What a batch's cells learn to be: class positions (B, g, k), `IGNORE` where nothing is known or people spoke.

        Takes the cells' unit features into the templates first.
        """
        present_BC, absent_BC = self._told(batch)
        pure_B = self._pure(absent_BC)
        drawn_BCgk = to_cells(batch.targets_BChw, self._side)
        mass_B1gk = drawn_BCgk.sum(dim=1, keepdim=True)
        valid_Bgk = self._valid_cells(batch)
        members_BCgk = self._members(present_BC, pure_B)[:, :, None, None].expand_as(drawn_BCgk)
        members_BCgk = torch.where(mass_B1gk > 0, drawn_BCgk / mass_B1gk.clamp(min=1e-6), members_BCgk)
        self.templates.update(units_BDgk, members_BCgk * valid_Bgk[:, None], self.background)
        labels_Bgk = template_labels(
            self.templates.cosines(units_BDgk),
            present_BC,
            pure_B,
            threshold=self.config.threshold or self.templates.get_buffer("likeness"),
            background=self.background,
        )
        return self._teachable(batch, labels_Bgk)

    def _pure(self, absent_BC: Tensor) -> Tensor:
        """Bool (B,): pictures known to show background only."""
        if self.background is None:
            return torch.zeros_like(absent_BC[:, 0])
        return absent_BC[:, self._things(absent_BC)].all(dim=1)

    def _teachable(self, batch: Batch, labels_Bgk: Tensor) -> Tensor:
        """The labels, but `IGNORE` outside of the picture, where people spoke and where they ruled the class out."""
        drawn_BCgk = to_cells(batch.targets_BChw, self._side)
        mass_Bgk = drawn_BCgk.sum(dim=1)
        known = labels_Bgk != IGNORE
        chosen_B1gk = torch.where(known, labels_Bgk, torch.zeros_like(labels_Bgk))[:, None]
        ruled_out = to_cells(batch.excluded_BChw.float(), self._side).gather(1, chosen_B1gk)[:, 0] > 0.5
        free = known & self._valid_cells(batch) & (mass_Bgk == 0) & ~batch.is_full_B[:, None, None] & ~ruled_out
        return labels_Bgk.masked_fill(~free, IGNORE)

    def _members(self, present_BC: Tensor, pure_B: Tensor) -> Tensor:
        """How much a cell of each picture counts for each class's template, (B, C): shared among what is present."""
        members_BC = present_BC / present_BC.sum(dim=1, keepdim=True).clamp(min=1)
        if self.background is not None:
            members_BC[:, self.background] = pure_B.to(members_BC.dtype)
        return members_BC

    def _valid_cells(self, batch: Batch) -> Tensor:
        """Bool (B, g, k): cells that lie mostly in the picture."""
        return to_cells(batch.valid_Bhw[:, None].float(), self._side)[:, 0] >= 0.5

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Softmax of the averaged network's cells, enlarged."""
        _, logits_BCgk = self.teacher(self.teacher.encoder.normalise(rgb_BHWC))
        size = (rgb_BHWC.shape[1] // OUTPUT_STRIDE, rgb_BHWC.shape[2] // OUTPUT_STRIDE)
        return from_cells(torch.softmax(logits_BCgk.float(), dim=1), self._side, size)


def _size(batch: Batch) -> tuple[int, int]:
    """(h, w) of a batch."""
    return batch.valid_Bhw.shape[1], batch.valid_Bhw.shape[2]
