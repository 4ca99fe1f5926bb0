"""Explainable classifiers: heat at full resolution is pooled into an answer, and becomes the masks.

One network from scratch learns the tags; what people drew teaches its heat directly. See `heat.py`.

Shape letters: B batch, C classes, H height, W width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models_zoo.losses.tags import tag_margin
from models_zoo.methods.averaged_training import AveragedTraining
from models_zoo.methods.base import Batch, Losses, TaskContext
from models_zoo.methods.gp_explainable.heat import HeatNetwork, masks_from_heat
from models_zoo.methods.gp_explainable.info import GpConfig
from models_zoo.methods.gp_explainable.networks import build_network
from models_zoo.methods.tag_task import SMOOTHING
from models_zoo.networks.segmenter import OUTPUT_STRIDE


class GpExplainable(AveragedTraining):
    """TrainingTask; predictions come from the averaged network."""

    config: GpConfig
    student: HeatNetwork
    teacher: HeatNetwork

    def __init__(self, config: GpConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the network; nothing is pretrained either way."""
        width = int(config.width)
        network = HeatNetwork(build_network(config.network, width), width, context.num_classes, context.background)
        super().__init__(network, config, context)

    def parameter_groups(self) -> list[dict[str, object]]:
        """One: everything starts from nothing."""
        return [{"params": list(self.student.parameters()), "lr": self.config.learning_rate}]

    def losses(self, batch: Batch) -> Losses:
        """The tags, and what was drawn or ruled out."""
        features = self.student.features(batch.jittered_BHWC)
        present_BC, absent_BC = self._told(batch)
        valid_BHW = batch.valid_Bhw.repeat_interleave(OUTPUT_STRIDE, 1).repeat_interleave(OUTPUT_STRIDE, 2)
        logits_BC = self.student.logits(features, self.config.pooled_share, valid_BHW)
        parts = {"tags": tag_margin(logits_BC, present_BC, absent_BC, smoothing=SMOOTHING)}
        if batch.targets_BChw.any() or batch.excluded_BChw.any():
            parts |= self._marks(self.student.with_rest(self.student.heat(features)), batch)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()})

    def _marks(self, logits_BChw: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Marks and masks; from those of a thing and of what is beside it heat learns where to end."""
        seen_C = batch.targets_BChw.sum(dim=(0, 2, 3)) > 0
        if seen_C.sum() > 1 and (self.background is None or seen_C[self.background]):
            self.student.get_buffer("knows_places").fill_(True)
        return super()._marks(logits_BChw, batch)

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Softmax over the masks' logits and the background's 0."""
        features = self.teacher.features(rgb_BHWC)
        logits_BC = self.teacher.logits(features, self.config.pooled_share)
        offset = math.inf if bool(self.teacher.get_buffer("knows_places")) else self.config.offset
        masks = masks_from_heat(self.teacher.heat(features), logits_BC, offset)
        return torch.softmax(self.teacher.with_rest(masks), dim=1)
