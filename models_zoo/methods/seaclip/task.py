"""Two grids: one learns from templates as `seafeats`, the other which cells sound like the class; both are averaged.

The image-text model looks at the places of the whole picture, and a cell is the mean of its places. A learnt model
learns the tags first and rests then, a CLIP rests from the start; neither is needed to predict.

Shape letters: B batch, C classes, E shared channels, P sentences, H height, W width; g rows and k columns of cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from models_zoo.losses.halves import halved_cross_entropy
from models_zoo.methods.averaged_training import ENCODER_RATE, FROZEN_STAGES
from models_zoo.methods.base import Batch, Losses, TaskContext
from models_zoo.methods.seaclip.cells import NOBODY, CellPair, averaged, compared, sentence_vectors, word_labels
from models_zoo.methods.seaclip.info import SeaClipConfig
from models_zoo.methods.seafeats.info import SeaFeatsConfig
from models_zoo.methods.seafeats.task import SeaFeatsTraining
from models_zoo.methods.text_model import TextModel
from models_zoo.networks.cells import CellClassifier, from_cells
from models_zoo.networks.encoders import starting_encoder
from models_zoo.networks.segmenter import OUTPUT_STRIDE

_TEXT = "text."


class SeaClipTraining(SeaFeatsTraining):
    """TrainingTask; predictions are both averaged grids, standardised and averaged."""

    config: SeaClipConfig
    student: CellPair
    teacher: CellPair

    def __init__(self, config: SeaClipConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the networks; `pretrained=False` leaves them random, and a CLIP away, for weights loaded afterwards."""
        super().__init__(config, context, pretrained=pretrained)
        self.text = TextModel(config.image_text, config.encoder, context, pretrained=pretrained)
        vectors_PE, owners_P = self._clip_sentences()
        self.register_buffer("clip_vectors_PE", vectors_PE, persistent=False)
        self.register_buffer("owners_P", owners_P, persistent=False)

    def make_network(self, config: SeaFeatsConfig, num_classes: int, *, pretrained: bool) -> CellClassifier:
        """Both grids, each on an encoder of its own."""
        first, second = (
            starting_encoder(config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES) for _ in range(2)
        )
        return CellPair(first, second, num_classes, cell=int(config.cell))

    def _clip_sentences(self) -> tuple[Tensor | None, Tensor | None]:
        model = self.text.model
        if model is None or model.learns_tags:
            return None, None
        return sentence_vectors(model, self.text.names, self.background)

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoders learn slower than what starts from nothing."""
        rate, other = self.config.learning_rate, self.student.other
        slow = ENCODER_RATE if other.encoder.is_pretrained else 1.0
        known = [p for p in other.encoder.parameters() if p.requires_grad]
        return [
            *super().parameter_groups(),
            {"params": known, "lr": rate * slow},
            {"params": [*other.head.parameters()], "lr": rate},
            *self.text.parameter_groups(rate),
        ]

    def losses(self, batch: Batch) -> Losses:
        """Those of `seafeats`; beside them the tags while words are learnt, then what sounds like the class."""
        first = super().losses(batch)
        if batch.progress < self.text.rests_from:
            parts = {"tags": self.text.tag_loss(batch, *self._told(batch))}
        else:
            images = self.student.other.encoder.normalise(batch.jittered_BHWC)
            logits_BCgk = self.student.other(images)[1].float()
            size = (batch.valid_Bhw.shape[1], batch.valid_Bhw.shape[2])
            drawn = replace(batch, excluded_BChw=batch.excluded_BChw & ~batch.absent_BC[:, :, None, None])
            marks = self._marks(from_cells(logits_BCgk, self._side, size), drawn)
            parts = {f"word_{name}": value for name, value in marks.items()}
            labels_Bgk = self.word_labels(batch, (logits_BCgk.shape[2], logits_BCgk.shape[3]))
            parts["word_cells"] = halved_cross_entropy(logits_BCgk, labels_Bgk, background=self.background)
        total = first.total + torch.stack(list(parts.values())).sum()
        return Losses(total, dict(first.parts) | {name: float(value.detach()) for name, value in parts.items()})

    @torch.no_grad()
    def word_labels(self, batch: Batch, size: tuple[int, int]) -> Tensor:
        """What the second grid's cells learn to be, (B, g, k); `IGNORE` where nothing is known or people spoke."""
        model = self.text.asked().eval()
        present_BC, absent_BC = self._told(batch)
        vectors_PE, owners_P = self._sentences()
        places = model.places(model.encode(model.normalise(batch.rgb_BHWC))).float()
        scores = compared(places, vectors_PE.float(), size, by_direction=not model.learns_tags)
        labels = word_labels(scores, owners_P, present_BC, self._pure(absent_BC), background=self.background)
        return self._teachable(batch, labels)

    def _sentences(self) -> tuple[Tensor, Tensor]:
        """Vectors and owners: of a CLIP's sentences, or of the names that were learnt."""
        if not self.text.asked().learns_tags:
            return self.get_buffer("clip_vectors_PE"), self.get_buffer("owners_P")
        texts_TE = self.text.learnt_texts()
        owners = torch.arange(len(texts_TE), device=texts_TE.device)
        is_nobody = ~texts_TE.any(dim=1)
        return texts_TE, owners.masked_fill(is_nobody, NOBODY)

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Both grids together, enlarged."""
        logits = self.teacher.both(self.teacher.encoder.normalise(rgb_BHWC))
        size = (rgb_BHWC.shape[1] // OUTPUT_STRIDE, rgb_BHWC.shape[2] // OUTPUT_STRIDE)
        return from_cells(averaged(logits[0].float(), logits[1].float()), self._side, size)

    def checkpoint(self) -> dict[str, Tensor]:
        """All that changes: a CLIP lies in a file of its own."""
        return self.text.without_clip(super().checkpoint(), _TEXT)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `checkpoint` gave."""
        super().restore(self.text.with_clip(state, _TEXT))
