"""Methods from tags with two networks: a classifier first, then masks from where it looked.

Two, so that what teaches does not move while it teaches. Until `segment_from` of the training the classifier learns the
tags; from then on it rests, its class maps become labels with an ignore band, batch by batch, and the segmenter learns
those.

Shape letters: B batch, C classes, H height, W width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from models_zoo.losses.halves import halved_cross_entropy
from models_zoo.losses.tags import tag_margin
from models_zoo.methods.averaged_training import ENCODER_RATE, FROZEN_STAGES
from models_zoo.methods.base import Batch, Losses, TaskContext
from models_zoo.methods.tag_config import TagConfig
from models_zoo.methods.tag_task import SMOOTHING, TagTask
from models_zoo.networks.encoders import Encoder, starting_encoder
from models_zoo.networks.segmenter import Segmenter
from models_zoo.networks.tag_classifier import TagClassifier
from models_zoo.seeds.class_maps import make_maps, to_unit_peak
from models_zoo.seeds.labels import coverage

MapsOf: TypeAlias = Callable[[Batch, Tensor, Tensor], Tensor]


class TagTraining(TagTask):
    """TrainingTask of `cam`, and what `affinity`, `bas` and `ppl` start from."""

    config: TagConfig
    classifier: TagClassifier
    segment_from: ClassVar[float] = 0.4
    """Share of the training after which class maps teach the segmenter."""

    def __init__(self, config: TagConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build both networks; `pretrained=False` leaves encoders random, for weights loaded afterwards."""
        first, second = (
            starting_encoder(config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES) for _ in range(2)
        )
        super().__init__(Segmenter(first, context.num_classes), config, context)
        self.classifier = self.make_classifier(second, context.num_classes)
        self.classifier.to(memory_format=torch.channels_last)
        self.register_buffer("steps_learnt", torch.zeros((), dtype=torch.long))
        self._has_learnt = False

    def make_classifier(self, encoder: Encoder, num_classes: int) -> TagClassifier:
        """What learns the tags, on an encoder of its own."""
        return TagClassifier(encoder, num_classes)

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoders learn slower than what starts from nothing."""
        rate = self.config.learning_rate
        encoders = (self.student.encoder, self.classifier.encoder)
        slow = ENCODER_RATE if self.student.encoder.is_pretrained else 1.0
        known = [p for encoder in encoders for p in encoder.parameters() if p.requires_grad]
        fresh = [*self.student.decoder.parameters(), *self.student.head.parameters()]
        fresh += [*self.classifier.classify.parameters(), *self.more_parameters()]
        return [{"params": known, "lr": rate * slow}, {"params": fresh, "lr": rate}]

    def more_parameters(self) -> list[nn.Parameter]:
        """Those a method adds."""
        return []

    def losses(self, batch: Batch) -> Losses:
        """Tags (and what a method adds) at first, masks from then on; marks all along."""
        present_BC, absent_BC = self._told(batch)
        is_segmenting = batch.progress >= self.segment_from
        parts: dict[str, Tensor] = {}
        shown: dict[str, float] = {}
        self._has_learnt = is_segmenting or bool(batch.targets_BChw.any())
        if self._has_learnt:
            logits = self.student(self.student.encoder.normalise(batch.jittered_BHWC)).float()
            parts |= self._marks(logits, batch)
        if is_segmenting:
            labels = self.labels(batch, present_BC, absent_BC)
            parts["seeds"] = halved_cross_entropy(logits, labels, background=self.background)
            shown["ignored_share"] = coverage(labels, background=self.background)[2]
        else:
            parts |= self.preparation(batch, present_BC, absent_BC)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()} | shown)

    def preparation(self, batch: Batch, present_BC: Tensor, absent_BC: Tensor) -> dict[str, Tensor]:
        """Losses before `segment_from`: the tags."""
        logits_BC, _ = self.classifier(self.classifier.encoder.normalise(batch.jittered_BHWC))
        return {"tags": tag_margin(logits_BC.float(), present_BC, absent_BC, smoothing=SMOOTHING)}

    @torch.no_grad()
    def labels(self, batch: Batch, present_BC: Tensor, absent_BC: Tensor, *, maps_of: MapsOf | None = None) -> Tensor:
        """What the maps (`maps`, or other ones) teach about a batch, as `cut_labels`."""
        self.classifier.eval()
        images = self.classifier.encoder.normalise(batch.rgb_BHWC)
        allowed_BC = self.allowed(batch, (present_BC, absent_BC), images, lambda view: self.classifier(view)[0])
        return self.cut_labels((maps_of or self.maps)(batch, images, allowed_BC), batch, allowed_BC, absent_BC)

    def maps(self, batch: Batch, images_BCHW: Tensor, allowed_BC: Tensor) -> Tensor:
        """Scores (B, C, h, w) in 0..1 to cut labels out of: here the class maps as they are."""
        height, width = batch.valid_Bhw.shape[1:]
        return self.class_maps(images_BCHW, allowed_BC, (int(height), int(width)))

    def class_maps(self, images_BCHW: Tensor, allowed_BC: Tensor, size: tuple[int, int]) -> Tensor:
        """Class maps over all views at that (height, width), each allowed class up to 1."""
        classes = torch.nonzero(allowed_BC.any(dim=0)).flatten().tolist()
        summed = self.over_views(
            lambda view: make_maps(self.classifier, view, self.config.class_map, classes), images_BCHW, size
        )
        return to_unit_peak(summed, allowed_BC)

    def after_step(self, step: int) -> None:
        """Move the averaged segmenter if the segmenter has moved."""
        if not self._has_learnt:
            return
        learnt = self.get_buffer("steps_learnt")
        learnt += 1
        super().after_step(int(learnt))
