"""Dual pseudo-label polishing: a detector, its averaged copy, and two polishers between them.

Boxed images teach the detector, and noise added to their boxes teaches the polishers. In unmarked images the averaged
copy finds boxes; the category polisher decides which of them may teach a class, and which, at the place where they were
found; the box polisher moves all of them, and where they end teaches the box. No box has to be good at both.

Shape letters: B images, H, W canvas, L places, K classes of objects, C classes with the background.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from models_zoo.detection.data import BoxBatch
from models_zoo.detection.learning import allowed, assigned, box_losses, canvas_size, class_loss, score_maps
from models_zoo.methods.base import Batch, Losses, Schedule, TaskContext, schedule_by_effort
from models_zoo.methods.dual_polishing.info import DualPolishingConfig
from models_zoo.methods.dual_polishing.polishers import Polishers, decide, polished
from models_zoo.networks.averaging import follow
from models_zoo.networks.detector import Answer, Detector, Found, distinct, find
from models_zoo.networks.encoders import starting_encoder

POLISH_FROM, WARM_UP = 0.1, 0.3
"""Shares of training before the polishers learn, whose features are then worth something, and before they are used."""
FROZEN_STAGES = 2
_ENCODER_RATE = 0.2
_LEAST_SCORE = 0.05
_EPOCHS = {"quick": 15.0, "normal": 40.0, "thorough": 120.0}
_STEPS = {"quick": (200, 1000), "normal": (600, 4000), "thorough": (1800, 15000)}


class DualPolishing(nn.Module):
    """TrainingTask; boxes come from the averaged copy."""

    def __init__(self, config: DualPolishingConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the networks; `pretrained=False` leaves the encoder random, for weights loaded afterwards."""
        super().__init__()
        self.config = config
        self._background, self._num_classes = context.background, context.num_classes
        objects = context.num_classes - (context.background is not None)
        encoder = starting_encoder(config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES)
        self.student = Detector(encoder, objects).to(memory_format=torch.channels_last)
        self.polishers = Polishers(objects)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.polishing = copy.deepcopy(self.polishers).requires_grad_(False)
        self.train()

    def module(self) -> nn.Module:
        """This task is its own module."""
        return self

    def train(self, mode: bool = True) -> Self:
        """The averaged copies stay in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        self.polishing.eval()
        return self

    def schedule(self, num_images: int) -> Schedule:
        """Epochs by effort within bounds, unless `steps` says exactly how many."""
        return schedule_by_effort(self.config, num_images, epochs=_EPOCHS, bounds=_STEPS)

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoder learns slower than what starts from nothing."""
        rate = self.config.learning_rate
        encoder = [p for p in self.student.encoder.parameters() if p.requires_grad]
        known = {id(p) for p in self.student.encoder.parameters()}
        fresh = [p for p in self.student.parameters() if id(p) not in known] + list(self.polishers.parameters())
        slow = _ENCODER_RATE if self.student.encoder.is_pretrained else 1.0
        return [{"params": encoder, "lr": rate * slow}, {"params": fresh, "lr": rate}]

    def losses(self, batch: Batch) -> Losses:
        """What was boxed, how to polish, and from a share of training on what was polished."""
        assert isinstance(batch, BoxBatch)
        answer = self.student(batch.jittered_BHWC[: batch.num_boxed])
        parts = {"marks": self._supervised(answer, batch)}
        if batch.progress >= POLISH_FROM:
            parts |= self._polishing_losses(batch)
        if batch.progress >= WARM_UP and batch.num_boxed < len(batch.rgb_BHWC) and self.config.unmarked_weight:
            parts |= self._self_training(batch)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()})

    def _supervised(self, answer: Answer, batch: BoxBatch) -> Tensor:
        """The detector's losses on what a person drew."""
        count = batch.num_boxed
        truths = list(zip(batch.true_boxes[:count], batch.true_labels[:count], strict=True))
        labels_BL, targets_BL4 = assigned(truths, batch)
        weights_BLK = batch.known_BK[:count, None].float()
        return class_loss(answer, labels_BL, weights_BLK) + box_losses(answer, labels_BL, targets_BL4)

    def _polishing_losses(self, batch: BoxBatch) -> dict[str, Tensor]:
        """Both polishers on noisy copies of the true boxes; the detector learns nothing from it."""
        count, size = batch.num_boxed, canvas_size(batch)
        truths = [
            (boxes[labels >= 0], labels[labels >= 0])
            for boxes, labels in zip(batch.true_boxes[:count], batch.true_labels[:count], strict=True)
        ]
        parts: dict[str, Tensor] = {}
        with torch.no_grad():
            maps = self.teacher.pyramid(batch.rgb_BHWC[:count])
        if self.config.box_polishing:
            parts["box_polisher"] = self.polishers.box_loss(maps, [boxes for boxes, _ in truths], size)
        if self.config.category_polishing:
            found = find(self.teacher.heads(maps), [size] * count, least=_LEAST_SCORE)
            proposals = [one.boxes_N4 for one in found]
            parts["category_polisher"] = self.polishers.category_loss(maps, truths, proposals, size)
        return parts

    def _self_training(self, batch: BoxBatch) -> dict[str, Tensor]:
        """What the averaged copy finds in unmarked images: classes and boxes from targets of their own."""
        count, size, config = batch.num_boxed, canvas_size(batch), self.config
        rgb = batch.rgb_BHWC[count:]
        with torch.no_grad():
            maps = self.teacher.pyramid(rgb)
            believed = self.teacher.heads(maps)
            found = find(believed, [size] * len(rgb), least=config.pseudo_box_score)
            ruled_out = zip(batch.true_boxes[count:], batch.true_labels[count:], strict=True)
            found = [allowed(one, *said) for one, said in zip(found, ruled_out, strict=True)]
            moved = self._moved(maps, found, size, [size] * len(rgb))
            classes = self._classes(maps, found, size) if config.category_polishing else _as_found(found)
            background_BLK = 1 - torch.sigmoid(believed.logits_BLK).amax(dim=2, keepdim=True)
        answer = self.student(batch.jittered_BHWC[count:])
        of_class = class_loss(answer, assigned(classes, batch)[0], background_BLK)
        of_box = box_losses(answer, *assigned(_as_found(moved), batch))
        weight = config.unmarked_weight * min(1.0, (batch.progress - WARM_UP) / WARM_UP)
        return {"unmarked_class": weight * of_class, "unmarked_box": weight * of_box}

    def _classes(
        self, maps: Sequence[Tensor], found: Sequence[Found], size: tuple[int, int]
    ) -> list[tuple[Tensor, Tensor]]:
        """Boxes as found and classes as decided anew, of those that may teach a class."""
        results = []
        for one, logits in zip(found, self.polishing.classify(maps, _boxes(found), size), strict=True):
            kept, labels = decide(one, logits, sure=self.config.category_sure)
            results.append((one.boxes_N4[kept], labels[kept]))
        return results

    def _moved(
        self, maps: Sequence[Tensor], found: list[Found], size: tuple[int, int], sizes: Sequence[tuple[int, int]]
    ) -> list[Found]:
        """What was found, moved onto its objects where the settings say so."""
        return polished(self.polishing, maps, found, size, sizes) if self.config.box_polishing else found

    def after_step(self, step: int) -> None:
        """Move the averaged copies."""
        follow(self.teacher, self.student, step=step, decay=self.config.ema_decay)
        follow(self.polishing, self.polishers, step=step, decay=self.config.ema_decay)

    @torch.no_grad()
    def find(self, rgb_BHWC: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Found]:
        """Boxes of each uint8 image in the upper left part of the canvas that is its (width, height).

        What is learnt from is polished, so what is shown is, too: the paper drops its polishers after training.
        """
        maps = self.teacher.pyramid(rgb_BHWC)
        found = find(self.teacher.heads(maps), list(sizes), least=_LEAST_SCORE)
        return [distinct(one) for one in self._moved(maps, found, (rgb_BHWC.shape[2], rgb_BHWC.shape[1]), sizes)]

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Of each class the score of its surest box over a cell, of the background what the surest of all leaves."""
        count, height, width = rgb_BHWC.shape[:3]
        found = self.find(rgb_BHWC, [(width, height)] * count)
        return score_maps(found, (width, height), num_classes=self._num_classes, background=self._background)

    def weights(self) -> dict[str, Tensor]:
        """The averaged copies."""
        found = {f"detector.{name}": value for name, value in self.teacher.state_dict().items()}
        return found | {f"polishers.{name}": value for name, value in self.polishing.state_dict().items()}

    def load_weights(self, weights: Mapping[str, Tensor], *, strict: bool) -> None:
        """Set both copies of both; without `strict` only entries of the same name and shape."""
        own = self.weights()
        fits = {name: value for name, value in weights.items() if name in own and value.shape == own[name].shape}
        if strict and fits.keys() != own.keys():
            raise RuntimeError("these are not the weights of a box detector of this encoder; train it again")
        with torch.no_grad():
            for name, value in fits.items():
                own[name].copy_(value)
        self.student.load_state_dict(self.teacher.state_dict())
        self.polishers.load_state_dict(self.polishing.state_dict())

    def checkpoint(self) -> dict[str, Tensor]:
        """Everything."""
        return dict(self.state_dict())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `checkpoint` gave."""
        self.load_state_dict(dict(state))


def _boxes(found: Sequence[Found]) -> list[Tensor]:
    return [one.boxes_N4 for one in found]


def _as_found(found: Sequence[Found]) -> list[tuple[Tensor, Tensor]]:
    return [(one.boxes_N4, one.labels_N) for one in found]
