"""Seeded segmentation: one network, one loss a kind of evidence, an averaged teacher for the rest.

Shape letters: B batch, C classes, H height, W width; h = H / 4, w = W / 4.

* labelled pixels (strokes, points, accepted masks): class-balanced partial cross entropy, in marked images with each
  class alike, and soft dice;
* like colours: gated CRF, and if wanted tree energy; tags: pooled presence; boxes: projection; negatives: -log(1 - p);
* everything else: hard pseudo-labels of an averaged copy of the network where it is sure, after a warm-up;
* marks that may be wrong: `noise.py` says how far each is believed, in the losses above and where they hold labels.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.losses.box_projection import box_projection
from models_zoo.losses.dice import soft_dice
from models_zoo.losses.gated_crf import gated_crf
from models_zoo.losses.image_level import image_level
from models_zoo.losses.partial_ce import even_classes, excluded_cross_entropy, partial_cross_entropy
from models_zoo.losses.small_loss import forget_rate
from models_zoo.losses.tree_energy import tree_energy
from models_zoo.methods.base import Batch, Losses, Schedule, TaskContext, schedule_by_effort
from models_zoo.methods.seeded_segmentation.info import SeededSegmentationConfig
from models_zoo.methods.seeded_segmentation.noise import WARM_UP, Doubt, Marks, make_doubt
from models_zoo.methods.seeded_segmentation.sifting import sift
from models_zoo.networks.averaging import follow, load_pair
from models_zoo.networks.encoders import starting_encoder
from models_zoo.networks.segmenter import OUTPUT_STRIDE, Segmenter
from models_zoo.polish.par import refine
from models_zoo.refiners.batches import refine_batch

FROZEN_STAGES = 2
"""Edges and textures (strides 2 and 4) are good as they come and cost half of the backward pass."""
_ENCODER_RATE = 0.2
_NESTED_SIGMA = 24.0
"""Nested dropout: a quarter of the decoder's 96 channels; the card asks for 10 to 30 of 128."""
_REFINE_DILATIONS = (1, 2, 4, 8)
_EPOCHS = {"quick": 8.0, "normal": 20.0, "thorough": 60.0}
_STEPS = {"quick": (100, 800), "normal": (250, 2400), "thorough": (700, 12000)}
_STEPS_PER_CLASS = {"quick": 15, "normal": 50, "thorough": 150}
"""Many classes on few images: a rare one is met too seldom in 20 epochs and stays at zero IoU."""


@dataclass(frozen=True)
class Judged:
    """A batch as one network is to believe it, and how far (B, h, w) it is to believe the labelled cells."""

    batch: Batch
    trust_Bhw: Tensor | None = None

    def believed(self, targets_BChw: Tensor) -> Tensor:
        """Targets by trust."""
        return targets_BChw if self.trust_Bhw is None else targets_BChw * self.trust_Bhw[:, None]


class SeededSegmentation(nn.Module):
    """TrainingTask; predictions come from the averaged copy."""

    def __init__(self, config: SeededSegmentationConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the network; `pretrained=False` leaves the encoder random, for weights loaded afterwards."""
        super().__init__()
        self.config = config
        self._num_classes = context.num_classes
        self.student = self._network(pretrained)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False).eval()
        self.doubt: Doubt | None = make_doubt(config, num_items=context.num_items, num_classes=context.num_classes)
        self.partner = self._network(pretrained) if self.doubt is not None and self.doubt.networks == 2 else None
        self.register_buffer("class_weights_C", context.class_weights_C.float(), persistent=False)

    def _network(self, pretrained: bool) -> Segmenter:
        encoder = starting_encoder(self.config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES)
        sigma = _NESTED_SIGMA if self.config.noise == "nested_dropout" else None
        network = Segmenter(encoder, self._num_classes, nested_sigma=sigma)
        return network.to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> SeededSegmentation:
        """The teacher answers as it will when it predicts, whatever the mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def module(self) -> nn.Module:
        """This task is its own module."""
        return self

    def schedule(self, num_images: int) -> Schedule:
        """Epochs by effort, but enough for each class and within bounds, unless `steps` says exactly how many."""
        least = self._num_classes * _STEPS_PER_CLASS[self.config.effort]
        return schedule_by_effort(self.config, num_images, epochs=_EPOCHS, bounds=_STEPS, least=least)

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoder learns slower than decoder and head, which start from nothing."""
        rate = self.config.learning_rate
        networks = [self.student] if self.partner is None else [self.student, self.partner]
        encoder = [p for network in networks for p in network.encoder.parameters() if p.requires_grad]
        fresh = [p for each in networks for part in (each.decoder, each.head) for p in part.parameters()]
        slow = _ENCODER_RATE if self.student.encoder.is_pretrained else 1.0
        return [{"params": encoder, "lr": rate * slow}, {"params": fresh, "lr": rate}]

    def losses(self, batch: Batch) -> Losses:
        """Sum of the weighted parts; a part whose weight or evidence is nil is not computed."""
        seen = self.student.encoder.normalise(batch.jittered_BHWC)
        answer = self._answer(self.student, seen)
        if self.doubt is None:
            parts = self.parts(*answer, Judged(batch))
        else:
            parts = self._doubting(self.doubt, seen, answer, batch)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()})

    @staticmethod
    def _answer(network: Segmenter, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, C, h, w) and the features (B, D, h, w) that they are read from."""
        features = network.features(seen)
        logits: Tensor = network.head(features)
        return logits.float(), features

    def parts(self, logits: Tensor, features: Tensor, judged: Judged) -> dict[str, Tensor]:
        """The weighted parts of the loss of one network's answer."""
        parts = self._evidence(logits, judged)
        if judged.batch.progress >= WARM_UP:
            parts |= self._self_training(logits, features, judged)
        return parts

    def _doubting(self, doubt: Doubt, seen: Tensor, answer: tuple[Tensor, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The losses with what is believed of the batch; those of a second network count as one part."""
        marks = Marks.of(batch)
        answers = [answer] if self.partner is None else [answer, self._answer(self.partner, seen)]
        judged = self._judged(doubt, [logits for logits, _ in answers], batch, marks)
        parts = self.parts(*answer, judged[0])
        if len(marks.items_M) and (further := doubt.regulariser(answer[0], marks)) is not None:
            parts["early"] = further
        if len(answers) > 1:
            parts["partner"] = torch.stack(list(self.parts(*answers[1], judged[1]).values())).sum()
        return parts

    @torch.no_grad()
    def _judged(self, doubt: Doubt, answers: Sequence[Tensor], batch: Batch, marks: Marks) -> list[Judged]:
        """What each network is to believe."""
        believed = self.predict(batch.rgb_BHWC)
        rate = forget_rate(batch.progress, self.config.noise_rate, ramp=WARM_UP)
        pooled = [marks.pooled(torch.softmax(each, dim=1)) for each in answers]
        trusts = doubt.trust(marks, pooled, marks.pooled(believed), batch.progress)
        spread = [marks.spread(trust_M) for trust_M in trusts]
        return [Judged(sift(batch, believed, rate, trust), trust) for trust in spread]

    def _evidence(self, logits: Tensor, judged: Judged) -> dict[str, Tensor]:
        """What people said."""
        config, batch = self.config, judged.batch
        weights_C = self.get_buffer("class_weights_C")
        probs = torch.softmax(logits, dim=1)
        marked = judged.believed(even_classes(batch.targets_BChw, ~batch.is_full_B))
        parts = {"marks": partial_cross_entropy(logits, marked, weights_C)}
        if config.dice_weight:
            parts["dice"] = config.dice_weight * soft_dice(probs, judged.believed(batch.targets_BChw))
        if batch.excluded_BChw.any():
            parts["excluded"] = 0.5 * excluded_cross_entropy(logits, batch.excluded_BChw)
        if config.tag_weight and (batch.present_BC.any() or batch.absent_BC.any()):
            pooled = image_level(probs, batch.present_BC, batch.absent_BC, batch.valid_Bhw)
            parts["tags"] = config.tag_weight * pooled
        if config.box_weight and batch.boxes:
            parts["boxes"] = config.box_weight * box_projection(probs, batch.boxes)
        return parts

    def _self_training(self, logits: Tensor, features: Tensor, judged: Judged) -> dict[str, Tensor]:
        """What colours and the averaged model suggest about images without an accepted mask."""
        config, batch = self.config, judged.batch
        weak = torch.nonzero(~batch.is_full_B).flatten()
        parts: dict[str, Tensor] = {}
        if not len(weak):
            return parts
        ramp = min(1.0, (batch.progress - WARM_UP) / WARM_UP)
        rgb = F.avg_pool2d(batch.rgb_BHWC[weak].permute(0, 3, 1, 2).float() / 255.0, OUTPUT_STRIDE)
        if config.crf_weight:
            energy = gated_crf(torch.softmax(logits[weak], dim=1), rgb, batch.valid_Bhw[weak])
            parts["crf"] = config.crf_weight * ramp * energy
        if config.tree_weight:
            free = batch.valid_Bhw[weak] & (batch.targets_BChw[weak].sum(dim=1) == 0)
            probs = torch.softmax(logits[weak], dim=1)
            energy = tree_energy(probs, rgb, free, features[weak].float(), valid_BHW=batch.valid_Bhw[weak])
            parts["tree"] = config.tree_weight * ramp * energy
        if config.pseudo_label_weight:
            parts["pseudo"] = config.pseudo_label_weight * ramp * self._pseudo_loss(logits, judged, weak, rgb)
        return parts

    def _pseudo_loss(self, logits: Tensor, judged: Judged, weak: Tensor, rgb: Tensor) -> Tensor:
        """Cross entropy to the teacher's surest class on unlabelled cells; unsure cells count as 0.

        The teacher's opinion first flows along the colours, with the marks held (PAR as in AFA, or another refiner);
        a mark that is doubted by more than a half is not held.
        """
        batch = judged.batch
        targets = batch.targets_BChw[weak]
        if judged.trust_Bhw is not None:
            targets = targets * (judged.trust_Bhw[weak, None] >= 0.5)
        with torch.no_grad():
            ruled_out = batch.excluded_BChw[weak] | ~batch.plausible_BC[weak][:, :, None, None]
            fixed = targets / targets.sum(dim=1, keepdim=True).clamp(min=1e-6)
            believed = self._refined(rgb, self.predict(batch.rgb_BHWC[weak]), fixed, ruled_out)
            sureness, choice = believed.max(dim=1)
            free = batch.valid_Bhw[weak] & (targets.sum(dim=1) == 0)
            sure = free & (sureness >= self.config.pseudo_label_threshold)
            weight = self.get_buffer("class_weights_C")[choice] * sure
        energy = F.cross_entropy(logits[weak], choice, reduction="none")
        return (energy * weight).sum() / free.sum().clamp(min=1)

    def _refined(self, rgb: Tensor, scores: Tensor, fixed: Tensor, ruled_out: Tensor) -> Tensor:
        """The scores (B, C, h, w) made to follow the colours by the refiner of the settings."""
        if self.config.refiner == "par":
            return refine(rgb, scores, fixed_BCHW=fixed, excluded_BCHW=ruled_out, dilations=_REFINE_DILATIONS)
        return refine_batch(self.config.refiner, rgb, scores, fixed, ruled_out)

    def after_step(self, step: int) -> None:
        """Move the teacher."""
        follow(self.teacher, self.student, step=step, decay=self.config.ema_decay)

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Softmax of the teacher."""
        logits = self.teacher(self.teacher.encoder.normalise(rgb_BHWC))
        return torch.softmax(logits.float(), dim=1)

    def weights(self) -> dict[str, Tensor]:
        """State of the teacher."""
        return dict(self.teacher.state_dict())

    def load_weights(self, weights: Mapping[str, Tensor], *, strict: bool) -> None:
        """Set student and teacher; without `strict` only entries of the same name and shape."""
        load_pair(self.teacher, self.student, weights, strict=strict)

    def checkpoint(self) -> dict[str, Tensor]:
        """All networks, and what is remembered of marks."""
        return dict(self.state_dict())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `checkpoint` gave."""
        self.load_state_dict(dict(state))
