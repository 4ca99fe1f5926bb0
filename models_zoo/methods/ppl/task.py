"""Tags learnt from whole and pieces, then masks: every piece of a picture has to speak for the class by itself.

A classifier that sees the whole may rest on one telling part. Cut into pieces behind an early stage, and later behind
deeper ones, the other parts have to be recognised too, and class maps reach them (Li et al., IEEE TMM 2022).

Shape letters: B batch, C classes.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from models_zoo.losses.map_consistency import map_consistency
from models_zoo.losses.tags import tag_margin
from models_zoo.methods.base import Batch, Losses
from models_zoo.methods.ppl.info import PplConfig
from models_zoo.methods.ppl.pieces import Cut, PatchClassifier
from models_zoo.methods.tag_task import SMOOTHING
from models_zoo.methods.tag_training import TagTraining
from models_zoo.networks.encoders import Encoder


class PplTraining(TagTraining):
    """TrainingTask whose classifier sees pieces as well."""

    config: PplConfig
    classifier: PatchClassifier
    segment_from: ClassVar[float] = 0.5

    def make_classifier(self, encoder: Encoder, num_classes: int) -> PatchClassifier:
        """One that cuts as the settings say."""
        cuts = parse_cuts(self.config.cuts, self.config.grids)
        return PatchClassifier(encoder, num_classes, cuts, at_once=self.config.fusion == "explicit")

    def losses(self, batch: Batch) -> Losses:
        """As `TagTraining`; the cuts take turns for equal parts of the time before `segment_from`."""
        turns = len(self.classifier.cuts)
        self.classifier.turn = min(turns - 1, int(batch.progress / self.segment_from * turns))
        return super().losses(batch)

    def preparation(self, batch: Batch, present_BC: Tensor, absent_BC: Tensor) -> dict[str, Tensor]:
        """The tags, and that pieces and whole agree about what is there."""
        logits_BC, layers = self.classifier(self.classifier.encoder.normalise(batch.jittered_BHWC))
        parts = {"tags": tag_margin(logits_BC.float(), present_BC, absent_BC, smoothing=SMOOTHING)}
        weight = self.config.consistency_weight * batch.progress / self.segment_from
        if weight:
            whole, *pieces = (maps.float() for maps in self.classifier.parted_maps(layers))
            apart = torch.stack([map_consistency(whole, maps, present_BC) for maps in pieces]).mean()
            parts["consistency"] = weight * apart
        return parts


def parse_cuts(strides: str, sides: str) -> tuple[Cut, ...]:
    """Cuts of the settings' words "8 16" and "2 4"; the last side goes on."""
    numbers = [int(side) for side in sides.split()]
    return tuple(Cut(int(stride), numbers[min(turn, len(numbers) - 1)]) for turn, stride in enumerate(strides.split()))
