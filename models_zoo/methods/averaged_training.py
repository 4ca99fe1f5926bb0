"""What methods with a network and an averaged copy of it share: schedule, weights, and what people said.

A method adds `losses`, `parameter_groups` and `predict`.

Shape letters: B batch, C classes, H height, W width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from models_zoo.losses.partial_ce import even_classes, excluded_cross_entropy, partial_cross_entropy
from models_zoo.methods.base import Batch, EffortSettings, Schedule, TaskContext, schedule_by_effort
from models_zoo.networks.averaging import follow, load_pair

FROZEN_STAGES = 2
"""As in seeded segmentation: edges and textures are good as they come."""
ENCODER_RATE = 0.2
"""Share of the learning rate for an encoder that brings trained weights."""
_EPOCHS = {"quick": 12.0, "normal": 30.0, "thorough": 90.0}
_STEPS = {"quick": (150, 1200), "normal": (400, 3600), "thorough": (1200, 18000)}


class AveragedSettings(EffortSettings, Protocol):
    """What it reads of a method's settings; `common_config.AveragedConfig` has it all."""

    @property
    def ema_decay(self) -> float: ...


class AveragedTraining(nn.Module):
    """Most of a TrainingTask; the averaged copy makes the predictions."""

    config: AveragedSettings
    student: nn.Module
    teacher: nn.Module

    def __init__(self, network: nn.Module, config: AveragedSettings, context: TaskContext) -> None:
        """Take the network over and copy it."""
        super().__init__()
        self.config = config
        self.background = context.background
        self.student = network
        self.student.to(memory_format=torch.channels_last)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False).eval()
        self.register_buffer("class_weights_C", context.class_weights_C.float(), persistent=False)

    def module(self) -> nn.Module:
        """This task is its own module."""
        return self

    def train(self, mode: bool = True) -> Self:
        """The averaged network never trains."""
        super().train(mode)
        self.teacher.eval()
        return self

    def schedule(self, num_images: int) -> Schedule:
        """Epochs by effort within bounds, unless `steps` says exactly how many."""
        return schedule_by_effort(self.config, num_images, epochs=_EPOCHS, bounds=_STEPS)

    def _marks(self, logits_BChw: Tensor, batch: Batch) -> dict[str, Tensor]:
        """What people drew, and where they said a class is not."""
        marked = even_classes(batch.targets_BChw, ~batch.is_full_B)
        parts = {"marks": partial_cross_entropy(logits_BChw, marked, self.get_buffer("class_weights_C"))}
        if batch.excluded_BChw.any():
            parts["excluded"] = 0.5 * excluded_cross_entropy(logits_BChw, batch.excluded_BChw)
        return parts

    def _told(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(present, absent), bool (B, C): tags, and what other marks say about what the image shows.

        The background is neither: it is what the others leave.
        """
        present = batch.present_BC | (batch.targets_BChw.sum(dim=(2, 3)) > 0)
        for box in batch.boxes:
            present[box.image, box.class_position] = True
        absent = (batch.absent_BC | batch.is_full_B[:, None]) & ~present
        if self.background is not None:
            present[:, self.background] = False
            absent[:, self.background] = False
        return present, absent

    def _things(self, like_BC: Tensor) -> Tensor:
        """Bool (C,): all classes but the background."""
        things_C = torch.ones(like_BC.shape[1], dtype=torch.bool, device=like_BC.device)
        if self.background is not None:
            things_C[self.background] = False
        return things_C

    def after_step(self, step: int) -> None:
        """Move the averaged network."""
        follow(self.teacher, self.student, step=step, decay=self.config.ema_decay)

    def weights(self) -> dict[str, Tensor]:
        """State of the averaged network."""
        return dict(self.teacher.state_dict())

    def load_weights(self, weights: Mapping[str, Tensor], *, strict: bool) -> None:
        """Set both networks; without `strict` only entries of the same name and shape."""
        load_pair(self.teacher, self.student, weights, strict=strict)

    def checkpoint(self) -> dict[str, Tensor]:
        """All networks and what is counted."""
        return dict(self.state_dict())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `checkpoint` gave."""
        self.load_state_dict(dict(state))
