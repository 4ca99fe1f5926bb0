"""Masks from tags and class names: places of a picture are compared with words, and what looks alike shares the answer.

An image-text model says how much each place is like each class (patch-text alignment). Its maps spread along its own
attention, become labels, and a segmentation network of its own learns those; the image-text model is not needed to
predict. An adapter on its resting layers learns from the labels which places belong together, and late in the training
changes where the model looks. After Yang et al., CVPR 2025 (ExCEL).

Shape letters: B batch, C classes, E shared channels, N places, T texts, H height, W width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.losses.halves import halved_cross_entropy
from models_zoo.losses.relations import relation_loss, scaled_cosines
from models_zoo.methods.averaged_training import ENCODER_RATE, FROZEN_STAGES
from models_zoo.methods.base import Batch, Losses, TaskContext
from models_zoo.methods.excel.info import ExcelConfig
from models_zoo.methods.excel.places import (
    even_channels,
    inside_boxes,
    spread,
    spreading_attention,
    text_scores,
    transition,
)
from models_zoo.methods.excel.relations import Adapter, relation_attention
from models_zoo.methods.excel.words import class_texts
from models_zoo.methods.tag_task import TagTask
from models_zoo.methods.text_model import TextModel
from models_zoo.networks.encoders import starting_encoder
from models_zoo.networks.segmenter import Segmenter
from models_zoo.seeds.class_maps import to_unit_range
from models_zoo.seeds.labels import coverage

RELATE_FROM = 0.47
"""Share of the part with masks after which the model looks where the adapter says (14,000 of 30,000 as published)."""
OWN_ANSWERS_FROM = 0.8
"""Share of that part after which the adapter learns from the segmenter's answers (24,000 of 30,000)."""
_TEXT = "text."


class ExcelTraining(TagTask):
    """TrainingTask; the learnt image-text model learns tags first, a CLIP is asked at once."""

    config: ExcelConfig

    def __init__(self, config: ExcelConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the networks; `pretrained=False` leaves them random, and a CLIP away, for weights loaded afterwards."""
        encoder = starting_encoder(config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES)
        super().__init__(Segmenter(encoder, context.num_classes), config, context)
        self.text = TextModel(config.image_text, config.encoder, context, pretrained=pretrained)
        self.num_classes = context.num_classes
        self.adapter = Adapter(self.text.model.layer_channels) if self.text.model is not None else None
        self.register_buffer("clip_texts_TE", self._clip_texts(), persistent=False)
        self.register_buffer("steps_learnt", torch.zeros((), dtype=torch.long))
        self._has_learnt = False

    def _clip_texts(self) -> Tensor | None:
        model = self.text.model
        if model is None or model.learns_tags:
            return None
        return class_texts(model, self.text.names, clusters=self.config.clusters, background=self.background)

    def texts(self) -> Tensor:
        """What places are compared with, (T, E): the classes by position, and rivals that are none."""
        return self.text.learnt_texts() if self.text.asked().learns_tags else self.get_buffer("clip_texts_TE")

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoders learn slower than what starts from nothing."""
        rate, encoder = self.config.learning_rate, self.student.encoder
        slow = ENCODER_RATE if encoder.is_pretrained else 1.0
        known = [p for p in encoder.parameters() if p.requires_grad]
        fresh: list[nn.Parameter] = [*self.student.decoder.parameters(), *self.student.head.parameters()]
        fresh += self._adapter().parameters()
        return [
            {"params": known, "lr": rate * slow},
            {"params": fresh, "lr": rate},
            *self.text.parameter_groups(rate),
        ]

    def losses(self, batch: Batch) -> Losses:
        """Tags while words are learnt, masks from then on; marks all along."""
        present_BC, absent_BC = self._told(batch)
        is_segmenting = batch.progress >= self.text.rests_from
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
            if self.config.relation_weight:
                answers = logits.detach().argmax(dim=1) if self._part(batch) >= OWN_ANSWERS_FROM else labels
                parts["relations"] = self.config.relation_weight * self._relations(batch, answers)
        else:
            parts["tags"] = self.text.tag_loss(batch, present_BC, absent_BC)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()} | shown)

    def _part(self, batch: Batch) -> float:
        """How far the part with masks is, 0 to 1."""
        return (batch.progress - self.text.rests_from) / (1 - self.text.rests_from)

    def _relations(self, batch: Batch, answers_Bhw: Tensor) -> Tensor:
        """What the adapter learns: which places have the same answer."""
        model, adapter = self.text.asked(), self._adapter()
        with torch.no_grad():
            layers = model.eval().encode(model.normalise(batch.rgb_BHWC)).layers
        labels = F.interpolate(answers_Bhw[:, None].float(), size=layers[0].shape[2:], mode="nearest")[:, 0].long()
        return relation_loss(adapter.train()(layers).float(), labels)

    @torch.no_grad()
    def labels(self, batch: Batch, present_BC: Tensor, absent_BC: Tensor) -> Tensor:
        """What the maps teach about a batch, as `cut_labels`."""
        model, texts_TE = self.text.asked().eval(), self.texts()
        images = model.normalise(batch.rgb_BHWC)
        allowed_BC = self.allowed(
            batch,
            (present_BC, absent_BC),
            images,
            lambda view: self.text.picture_logits(view, texts_TE, self.num_classes),
        )
        relates = bool(self.config.relation_weight) and self._part(batch) >= RELATE_FROM
        valid = batch.valid_Bhw

        def maps_of(views: Tensor) -> Tensor:
            """The views are the pictures and their mirror images."""
            return self.maps(views, texts_TE, allowed_BC.repeat(2, 1), torch.cat([valid, valid.flip(2)]), relates)

        maps = self.over_views(maps_of, images, (valid.shape[1], valid.shape[2]))
        return self.cut_labels(to_unit_range(maps, allowed_BC, valid), batch, allowed_BC, absent_BC)

    @torch.no_grad()
    def maps(
        self, images_BCHW: Tensor, texts_TE: Tensor, allowed_BC: Tensor, valid_BHW: Tensor, relates: bool
    ) -> Tensor:
        """Class maps of one view, (B, C, rows, columns of places): compared with the texts, then spread.

        Args:
            images_BCHW: as the image-text model wants them.
            texts_TE: from `texts`.
            allowed_BC: bool, classes that may be found; the others' maps are 0.
            valid_BHW: bool, of any size, what lies inside the picture.
            relates: whether the adapter says where to look.
        """
        seen = self.text.asked().encode(images_BCHW)
        relation, extra = None, None
        if relates:
            features = self._adapter().eval()(seen.layers).float()
            relation, extra = torch.sigmoid(scaled_cosines(features)), relation_attention(features)
        places = self.text.asked().places(seen, extra).float()
        if not self.text.asked().learns_tags:
            places = even_channels(places)
        inside = F.interpolate(valid_BHW[:, None].float(), size=places.shape[2:], mode="area")[:, 0] >= 0.5
        scores = text_scores(places, texts_TE.float(), seen.picture_BE.float())[:, : self.num_classes]
        maps = to_unit_range(scores, allowed_BC, inside)
        step = transition(spreading_attention(seen.attention_LBNN.float(), relation))
        return spread(maps, step, inside_boxes(maps, self.config.box_height))

    def _adapter(self) -> Adapter:
        if self.adapter is None:
            raise RuntimeError("the adapter is only there in training")
        return self.adapter

    def after_step(self, step: int) -> None:
        """Move the averaged segmenter if the segmenter has moved."""
        if not self._has_learnt:
            return
        learnt = self.get_buffer("steps_learnt")
        learnt += 1
        super().after_step(int(learnt))

    def checkpoint(self) -> dict[str, Tensor]:
        """All that changes: a CLIP lies in a file of its own."""
        return self.text.without_clip(super().checkpoint(), _TEXT)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `checkpoint` gave."""
        super().restore(self.text.with_clip(state, _TEXT))
