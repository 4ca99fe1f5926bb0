"""TSDDNet: boxes are coarse, classes are reliable, and the classes mend the boxes.

Stage 1: a detector learns the boxes and a judge the classes of their insides. At the end of each of two rounds both are
copied; with the copies every image's boxes are moved to where their class is seen better, and images with tags only get
the box that shows their class. Stage 2: the detector goes on with those boxes, and two heads on its maps learn what a
box and what the whole image shows, and teach each other.

Shape letters: B images, H, W canvas, L places, K classes of objects, C classes with the background, N boxes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.detection.boxes import best_match, clip, jitter, on_canvas
from models_zoo.detection.learning import allowed, assigned, box_losses, canvas_size, class_loss, score_maps
from models_zoo.losses.detection import OPEN
from models_zoo.losses.self_distillation import self_distillation
from models_zoo.methods.base import Batch, Losses, Schedule, TaskContext, schedule_by_effort
from models_zoo.methods.tsddnet.data import TaggedBatch
from models_zoo.methods.tsddnet.info import TSDDNetConfig
from models_zoo.methods.tsddnet.memory import BoxMemory, Kept
from models_zoo.methods.tsddnet.networks import CropJudge, FusedNetwork, elsewhere, shaken
from models_zoo.methods.tsddnet.refining import Belief, Gate, discovered, mended
from models_zoo.networks.averaging import follow, load_pair
from models_zoo.networks.detector import Answer, Found, distinct, find
from models_zoo.networks.encoders import starting_encoder

ROUNDS = (0.3, 0.5)
"""Shares of training at which each round of stage 1 ends; what is left is stage 2."""
TEMPERATURE = 2.0
FROZEN_STAGES = 2
_ENCODER_RATE = 0.2
_SMOOTHING = 0.05
_IMAGE_WEIGHT = 0.5
_NARROW = 0.06
_LEAST_SCORE, _LEAST_RESULT = 0.05, 0.01
_SURE = 0.3
"""A box with this score is what an image is diagnosed by."""
_EPOCHS = {"quick": 20.0, "normal": 50.0, "thorough": 150.0}
_STEPS = {"quick": (200, 1200), "normal": (600, 5000), "thorough": (1800, 18000)}


@dataclass(frozen=True)
class _Truth:
    """What is known of the objects on one canvas: boxes (N, 4) and labels (N,).

    ``emptiness`` is how much it counts that there is nothing elsewhere; None: as much as the network believes it.
    """

    boxes_N4: Tensor
    labels_N: Tensor
    emptiness: float | None

    @property
    def whole(self) -> tuple[Tensor, Tensor]:
        """Those that are not mostly cut off."""
        return self.boxes_N4[self.labels_N >= 0], self.labels_N[self.labels_N >= 0]


class TSDDNet(nn.Module):
    """TrainingTask; boxes come from the averaged copy."""

    rounds: Tensor

    def __init__(self, config: TSDDNetConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the networks; `pretrained=False` leaves encoders random, for weights loaded afterwards."""
        super().__init__()
        self.config = config
        self._background, self._num_classes = context.background, context.num_classes
        self.num_objects = context.num_classes - (context.background is not None)
        first, second = (
            starting_encoder(config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES) for _ in range(2)
        )
        self.student = FusedNetwork(first, self.num_objects).to(memory_format=torch.channels_last)
        self.judge = CropJudge(second, self.num_objects, int(config.crop_size)).to(memory_format=torch.channels_last)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.resting_detector = copy.deepcopy(self.student.detector).requires_grad_(False)
        self.resting_judge = copy.deepcopy(self.judge).requires_grad_(False)
        self.register_buffer("rounds", torch.zeros((), dtype=torch.int64))
        self.memory = BoxMemory()
        self._gate = Gate(
            candidates=config.candidates,
            hold=config.hold,
            least_gain=config.least_gain,
            class_score=config.pseudo_class_score,
            box_score=config.pseudo_box_score,
        )
        self.train()

    def module(self) -> nn.Module:
        """This task is its own module."""
        return self

    def train(self, mode: bool = True) -> Self:
        """The copies stay in evaluation mode."""
        super().train(mode)
        for resting in (self.teacher, self.resting_detector, self.resting_judge):
            resting.eval()
        return self

    def schedule(self, num_images: int) -> Schedule:
        """Epochs by effort within bounds, unless `steps` says exactly how many."""
        return schedule_by_effort(self.config, num_images, epochs=_EPOCHS, bounds=_STEPS)

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoders learn slower than what starts from nothing."""
        rate = self.config.learning_rate
        encoders = (self.student.detector.encoder, self.judge.classifier.encoder)
        known = {id(p) for encoder in encoders for p in encoder.parameters()}
        learning = [p for network in (self.student, self.judge) for p in network.parameters() if p.requires_grad]
        slow = _ENCODER_RATE if encoders[0].is_pretrained else 1.0
        return [
            {"params": [p for p in learning if id(p) in known], "lr": rate * slow},
            {"params": [p for p in learning if id(p) not in known], "lr": rate},
        ]

    @property
    def _mends(self) -> bool:
        return self.config.refine_boxes or self.config.pseudo_boxes

    def losses(self, batch: Batch) -> Losses:
        """Boxes and crops in stage 1; boxes, what is in them and in the images in stage 2."""
        assert isinstance(batch, TaggedBatch)
        while int(self.rounds) < len(ROUNDS) and batch.progress >= ROUNDS[int(self.rounds)]:
            self._end_round()
        if self._mends and int(self.rounds):
            self._mend(batch)
        truths = [self._truth(batch, place) for place in range(len(batch.numbers))]
        is_fused = int(self.rounds) == len(ROUNDS)
        parts = self._fused(batch, truths) if is_fused else self._separate(batch, truths)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()})

    # --- stage 1: boxes are learnt, judged and mended -------------------------------------------------

    def _separate(self, batch: TaggedBatch, truths: Sequence[_Truth | None]) -> dict[str, Tensor]:
        """The detector on images whose boxes are known, the judge on what is in them."""
        known = [place for place, truth in enumerate(truths) if truth is not None]
        some = [truth for truth in truths if truth is not None]
        answer = self.student.detector(batch.jittered_BHWC[known])
        parts = {"marks": _detector_loss(answer, some, batch)}
        if self._mends:
            parts["crops"] = self._crop_loss(batch.jittered_BHWC[known], some, canvas_size(batch))
        return parts

    def _crop_loss(self, rgb_BHWC: Tensor, truths: Sequence[_Truth], size: tuple[int, int]) -> Tensor:
        """Cross entropy of shaken boxes, and of as many places that show nothing."""
        shown, labels = [], []
        for truth in truths:
            boxes, classes = truth.whole
            nothing = elsewhere(truth.boxes_N4, size) if truth.emptiness else boxes[:0]
            shown.append(torch.cat([shaken(boxes, size), nothing]))
            labels.append(torch.cat([classes, classes.new_full((len(nothing),), self.num_objects)]))
        logits = self.judge(self.judge.crops(rgb_BHWC, shown)) if sum(map(len, shown)) else None
        if logits is None:
            return torch.zeros((), device=rgb_BHWC.device)
        return F.cross_entropy(logits, torch.cat(labels), label_smoothing=_SMOOTHING)

    def _end_round(self) -> None:
        """Copy the averaged detector and the judge: what mends boxes does not move while it mends them."""
        self.rounds += 1
        self.resting_detector.load_state_dict(self.teacher.detector.state_dict())
        self.resting_judge.load_state_dict(self.judge.state_dict())

    @torch.no_grad()
    def _mend(self, batch: TaggedBatch) -> None:
        """Mend the boxes of the batch's images, of each once a round, on the whole image."""
        for place, number in enumerate(batch.numbers):
            kept = self.memory.get(number)
            if kept is not None and kept.round >= int(self.rounds):
                continue
            rgb, size = batch.whole_BHWC[place : place + 1], batch.sizes[place]
            (found,) = find(self.resting_detector(rgb), [size], least=_LEAST_SCORE)

            def believe(boxes_N4: Tensor, rgb: Tensor = rgb, size: tuple[int, int] = size) -> Tensor:
                return self.resting_judge.believe(rgb, boxes_N4, size)

            revise = self._revised if place < batch.num_boxed else self._searched
            boxes, labels = revise(batch, place, kept, found, believe)
            self.memory.put(number, Kept(boxes, labels, int(self.rounds)))

    def _revised(
        self, batch: TaggedBatch, place: int, kept: Kept | None, found: Found, believe: Belief
    ) -> tuple[Tensor, Tensor]:
        """Drawn boxes, each where it belongs; one by one, never merged."""
        drawn, labels = batch.whole_boxes[place], batch.whole_labels[place]
        if not self.config.refine_boxes or not len(drawn):
            return drawn, labels
        current = drawn if kept is None else kept.boxes_N4
        moved = [
            mended(now, first, int(label), believe, found, batch.sizes[place], self._gate)
            for now, first, label in zip(current, drawn, labels, strict=True)
        ]
        return torch.stack(moved), labels

    def _searched(
        self, batch: TaggedBatch, place: int, kept: Kept | None, found: Found, believe: Belief
    ) -> tuple[Tensor, Tensor]:
        """One box of each class that an image is tagged with, as far as one is sure; else what it had."""
        boxes, labels = [found.boxes_N4[:0]], [found.labels_N[:0]]
        wanted = batch.present_BK[place] & self.config.pseudo_boxes
        for label in torch.nonzero(wanted)[:, 0]:
            ruled_out = (batch.whole_boxes[place], batch.whole_labels[place])
            alike = Found(found.boxes_N4, found.scores_N, torch.full_like(found.labels_N, int(label)))
            box = discovered(int(label), believe, allowed(alike, *ruled_out), batch.sizes[place], self._gate)
            if box is not None:
                boxes.append(box[None])
            elif kept is not None:
                boxes.append(kept.boxes_N4[kept.labels_N == label])
            labels.append(label.expand(len(boxes[-1])))
        return torch.cat(boxes), torch.cat(labels)

    def _truth(self, batch: TaggedBatch, place: int) -> _Truth | None:
        """What is known of an image's objects by now, on the canvas; None where nothing is."""
        kept, size = self.memory.get(batch.numbers[place]), canvas_size(batch)
        if place < batch.num_boxed:
            boxes = batch.whole_boxes[place] if kept is None else kept.boxes_N4
            shown = on_canvas(_moved(boxes, batch.to_view_B4[place]), batch.whole_labels[place], size)
            return _Truth(*shown, emptiness=float(batch.known_BK[place].all()))
        if int(batch.image_labels_B[place]) == self.num_objects:
            return _Truth(batch.whole_boxes[place][:0], batch.whole_labels[place][:0], emptiness=1.0)
        if kept is None or not len(kept.boxes_N4):
            return None
        shown = on_canvas(_moved(kept.boxes_N4, batch.to_view_B4[place]), kept.labels_N, size)
        return _Truth(*shown, emptiness=None)

    # --- stage 2: one network ------------------------------------------------------------------------

    def _fused(self, batch: TaggedBatch, truths: Sequence[_Truth | None]) -> dict[str, Tensor]:
        """The mended boxes, what they show, what the images show, and what both heads teach each other."""
        size = canvas_size(batch)
        maps = self.student.detector.pyramid(batch.jittered_BHWC)
        answer = self.student.detector.heads(maps)
        known = [place for place, truth in enumerate(truths) if truth is not None]
        some = [truth for truth in truths if truth is not None]
        seen = Answer(answer.logits_BLK[known], answer.boxes_BL4[known], answer.quality_BL[known])
        parts = {"marks": _detector_loss(seen, some, batch)}
        parts["boxes"] = self._box_class_loss([level[known] for level in maps], some, size)
        if not self.config.image_share:
            return parts
        image_logits = self.student.image_logits(maps)
        told = batch.image_labels_B != OPEN
        if told.any():
            of_images = F.cross_entropy(image_logits[told], batch.image_labels_B[told])
            parts["images"] = _IMAGE_WEIGHT * of_images
        if self.config.distillation_weight:
            shown = self._telling(batch, truths, answer)
            box_logits = self.student.box_logits(maps, shown, size)
            owners = torch.cat([torch.full((len(part),), place) for place, part in enumerate(shown)])
            both = self_distillation(box_logits, image_logits[owners.to(image_logits.device)], temperature=TEMPERATURE)
            parts["distillation"] = self.config.distillation_weight * both
        return parts

    def _box_class_loss(self, maps: Sequence[Tensor], truths: Sequence[_Truth], size: tuple[int, int]) -> Tensor:
        """Cross entropy of boxes, of noisy copies of them, and of places that show nothing."""
        shown, labels = [], []
        for truth in truths:
            boxes, classes = truth.whole
            noisy = torch.cat([boxes, jitter(boxes, scale=_NARROW, count=3, size=size)])
            nothing = elsewhere(truth.boxes_N4, size) if truth.emptiness else boxes[:0]
            shown.append(torch.cat([noisy, nothing]))
            of_noisy = classes[best_match(noisy, boxes)[1]] if len(boxes) else classes
            labels.append(torch.cat([of_noisy, classes.new_full((len(nothing),), self.num_objects)]))
        logits = self.student.box_logits(maps, shown, size)
        return F.cross_entropy(logits, torch.cat(labels)) if len(logits) else logits.sum()

    def _telling(self, batch: TaggedBatch, truths: Sequence[_Truth | None], answer: Answer) -> list[Tensor]:
        """Of each image with at most one class its boxes, or else the box that the detector is surest of."""
        size, chosen = canvas_size(batch), []
        surest = answer.scores_BLK[..., 0].argmax(dim=1)
        for place, truth in enumerate(truths):
            boxes = batch.to_view_B4[:0] if truth is None else truth.whole[0]
            if not len(boxes):
                boxes = clip(answer.boxes_BL4[place, surest[place]][None].detach(), size)
                boxes = boxes[(boxes[:, 2:] - boxes[:, :2] >= 1).all(dim=1)]
            chosen.append(boxes if int(batch.present_BK[place].sum()) <= 1 else boxes[:0])
        return chosen

    def after_step(self, step: int) -> None:
        """Move the averaged copy."""
        follow(self.teacher, self.student, step=step, decay=self.config.ema_decay)

    # --- use -----------------------------------------------------------------------------------------

    @torch.no_grad()
    def find(self, rgb_BHWC: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Found]:
        """Boxes of each uint8 image in the upper left part of the canvas that is its (width, height).

        A score is the detector's, times the probability of the class.
        """
        found, box_probs, image_probs = self._look(rgb_BHWC, sizes)
        results = []
        for one, of_boxes, of_image in zip(found, box_probs, image_probs, strict=True):
            probability, label = self._both(of_boxes, of_image)[:, : self.num_objects].max(dim=1)
            scores = one.scores_N * probability
            results.append(distinct(Found(one.boxes_N4, scores, label).pick(scores >= _LEAST_RESULT)))
        return results

    @torch.no_grad()
    def diagnose(self, rgb_BHWC: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Probabilities (B, K + 1) of what each image shows, the last of nothing: its surest box and all of it."""
        found, box_probs, image_probs = self._look(rgb_BHWC, sizes)
        answers = []
        for one, of_boxes, of_image in zip(found, box_probs, image_probs, strict=True):
            is_sure = len(one.scores_N) > 0 and float(one.scores_N[0]) > _SURE
            answers.append(self._both(of_boxes[:1], of_image)[0] if is_sure else of_image)
        return torch.stack(answers)

    def _look(self, rgb_BHWC: Tensor, sizes: Sequence[tuple[int, int]]) -> tuple[list[Found], Sequence[Tensor], Tensor]:
        """Boxes of any class, what is in each (N, K + 1), and what is in the images (B, K + 1)."""
        maps = self.teacher.detector.pyramid(rgb_BHWC)
        found = find(self.teacher.detector.heads(maps), list(sizes), least=_LEAST_SCORE)
        boxes = [one.boxes_N4 for one in found]
        logits = self.teacher.box_logits(maps, boxes, (rgb_BHWC.shape[2], rgb_BHWC.shape[1]))
        box_probs = torch.split(torch.softmax(logits, dim=1), [len(part) for part in boxes])
        return found, box_probs, torch.softmax(self.teacher.image_logits(maps), dim=1)

    def _both(self, of_boxes_NK1: Tensor, of_image_K1: Tensor) -> Tensor:
        share = self.config.image_share
        return (1 - share) * of_boxes_NK1 + share * of_image_K1

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Of each class the score of its surest box over a cell, of the background what the surest of all leaves."""
        count, height, width = rgb_BHWC.shape[:3]
        found = self.find(rgb_BHWC, [(width, height)] * count)
        return score_maps(found, (width, height), num_classes=self._num_classes, background=self._background)

    def weights(self) -> dict[str, Tensor]:
        """The averaged copy."""
        return dict(self.teacher.state_dict())

    def load_weights(self, weights: Mapping[str, Tensor], *, strict: bool) -> None:
        """Set the network and its averaged copy; without `strict` only entries of the same name and shape."""
        load_pair(self.teacher, self.student, weights, strict=strict)

    def checkpoint(self) -> dict[str, Tensor]:
        """Everything, the mended boxes among it."""
        return dict(self.state_dict()) | self.memory.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `checkpoint` gave."""
        self.load_state_dict(self.memory.take(state, self.rounds.device))


def _moved(boxes_N4: Tensor, view_4: Tensor) -> Tensor:
    """Boxes of a whole image in pixels of the canvas: `TaggedBatch.to_view_B4`."""
    scale, shift = view_4[:2].repeat(2), view_4[2:].repeat(2)
    first, second = torch.split(boxes_N4 * scale + shift, 2, dim=1)
    return torch.cat([torch.minimum(first, second), torch.maximum(first, second)], dim=1)


def _detector_loss(answer: Answer, truths: Sequence[_Truth], batch: Batch) -> Tensor:
    """The detector's losses, all classes being one object to it."""
    objects = [(truth.boxes_N4, truth.labels_N.clamp(max=0)) for truth in truths]
    labels_BL, targets_BL4 = assigned(objects, batch)
    weights_BL1 = torch.stack(
        [
            1 - torch.sigmoid(logits_LK.detach())
            if truth.emptiness is None
            else torch.full_like(logits_LK, truth.emptiness)
            for truth, logits_LK in zip(truths, answer.logits_BLK, strict=True)
        ]
    )
    return class_loss(answer, labels_BL, weights_BL1) + box_losses(answer, labels_BL, targets_BL4)
