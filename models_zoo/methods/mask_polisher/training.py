"""Teaching the polisher: from a spoilt mask and the picture back to the accepted one.

Shape letters: B masks, C classes, H, W canvas; y = H / 2, x = W / 2.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.losses.dice import soft_dice
from models_zoo.methods.base import Batch, Losses, Schedule, TaskContext, schedule_by_effort
from models_zoo.methods.mask_polisher.info import MaskPolisherConfig
from models_zoo.methods.mask_polisher.network import OUTPUT_STRIDE, PolishNet, frozen_features
from models_zoo.methods.mask_polisher.spoilt import SpoiltBatch
from models_zoo.networks.averaging import follow
from models_zoo.networks.encoders import starting_encoder

_EPOCHS = {"quick": 10.0, "normal": 40.0, "thorough": 120.0}
_STEPS = {"quick": (100, 400), "normal": (300, 3000), "thorough": (900, 12000)}


class MaskPolishing(nn.Module):
    """TrainingTask; what is kept is the encoder and the averaged copy of what learns."""

    def __init__(self, config: MaskPolisherConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the network; `pretrained=False` leaves the encoder random, for weights loaded afterwards."""
        super().__init__()
        self.config = config
        self._num_classes = context.num_classes
        self.encoder = starting_encoder(config.encoder, pretrained=pretrained)
        self.encoder.requires_grad_(False)
        self.student = PolishNet(self.encoder.channels).to(memory_format=torch.channels_last)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.register_buffer("temperature", torch.ones(()))
        self.train()

    def module(self) -> nn.Module:
        """This task is its own module."""
        return self

    def train(self, mode: bool = True) -> Self:
        """Only what learns leaves evaluation mode: an encoder's batch norms keep their statistics."""
        super().train(mode)
        self.encoder.eval()
        self.teacher.eval()
        return self

    def schedule(self, num_images: int) -> Schedule:
        """Epochs by effort within bounds, unless `steps` says exactly how many."""
        return schedule_by_effort(self.config, num_images, epochs=_EPOCHS, bounds=_STEPS)

    def parameter_groups(self) -> list[dict[str, object]]:
        """One group: the encoder does not learn."""
        return [{"params": list(self.student.parameters()), "lr": self.config.learning_rate}]

    def losses(self, batch: Batch) -> Losses:
        """Cross entropy and overlap for the mask, cross entropy alone for the probability."""
        assert isinstance(batch, SpoiltBatch)
        features = frozen_features(self.encoder, batch.jittered_BHWC)
        mask, probability = self.student(features, batch.guides_B2yx)
        mask, probability = mask.float(), probability.float()
        weights = batch.known_Byx.float()
        cells = weights.sum().clamp(min=1)
        parts = {
            "mask": (F.binary_cross_entropy_with_logits(mask, batch.truth_Byx, reduction="none") * weights).sum()
            / cells,
            "dice": _overlap(torch.sigmoid(mask), batch.truth_Byx, weights),
            "probability": (
                F.binary_cross_entropy_with_logits(probability, batch.truth_Byx, reduction="none") * weights
            ).sum()
            / cells,
        }
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()})

    def after_step(self, step: int) -> None:
        """Move the averaged copy."""
        follow(self.teacher, self.student, step=step, decay=self.config.ema_decay)

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """What it makes of a mask that says nothing: nearly all of it the first class, usually the background."""
        count, height, width = rgb_BHWC.shape[:3]
        guides = torch.zeros((count, 2, height // OUTPUT_STRIDE, width // OUTPUT_STRIDE), device=rgb_BHWC.device)
        guides[:, 1] = 0.5
        _, probability = self.teacher(frozen_features(self.encoder, rgb_BHWC), guides)
        thing_Bhw = F.avg_pool2d(torch.sigmoid(probability.float())[:, None], 2)[:, 0]
        others = [thing_Bhw / max(1, self._num_classes - 1)] * (self._num_classes - 1)
        return torch.stack([1 - thing_Bhw, *others], dim=1)

    def weights(self) -> dict[str, Tensor]:
        """Encoder, averaged copy and temperature."""
        found = {f"encoder.{name}": value for name, value in self.encoder.state_dict().items()}
        found |= {f"polish.{name}": value for name, value in self.teacher.state_dict().items()}
        return {**found, "temperature": self.get_buffer("temperature")}

    def load_weights(self, weights: Mapping[str, Tensor], *, strict: bool) -> None:
        """Take over such weights; without `strict` what has the same name and shape, such as a model's encoder."""
        own = self.weights()
        missing = sorted(own.keys() - weights.keys())
        if strict and (missing or any(weights[name].shape != own[name].shape for name in own)):
            raise RuntimeError("these are not the weights of a mask polisher of this encoder; train it again")
        fitting = {k: v for k, v in weights.items() if k in own and v.shape == own[k].shape}
        with torch.no_grad():
            for name, value in fitting.items():
                own[name].copy_(value)
        self.student.load_state_dict(self.teacher.state_dict())

    def checkpoint(self) -> dict[str, Tensor]:
        """Everything."""
        return dict(self.state_dict())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `checkpoint` gave."""
        self.load_state_dict(dict(state))


def _overlap(probs_Byx: Tensor, truth_Byx: Tensor, weights_Byx: Tensor) -> Tensor:
    """Mean over masks of the soft dice loss of each, so that small ones count like large ones."""
    losses = []
    for probs, truth, weights in zip(probs_Byx, truth_Byx, weights_Byx, strict=True):
        both = torch.stack([1 - probs, probs])[None]
        losses.append(soft_dice(both, torch.stack([1 - truth, truth])[None] * weights))
    return torch.stack(losses).mean()
