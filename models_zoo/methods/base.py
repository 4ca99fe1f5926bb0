"""What data, loop and methods hand each other.

Shape letters: B batch, C classes, H height, W width of the training canvas; h = H / 4, w = W / 4.
Classes appear by position: position p of C is the p-th smallest class index of the snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models_zoo.losses.box_projection import GridBox


@dataclass(frozen=True)
class Batch:
    """One training step's images and everything known about them.

    Attributes:
        rgb_BHWC: uint8, geometrically augmented.
        jittered_BHWC: uint8, the same with colours changed; what the network learns on.
        targets_BChw: float32, share of each cell labelled with each class.
        excluded_BChw: bool, cells known not to be of a class (negative marks, outside boxes, absent tags).
        present_BC, absent_BC: bool, image-level tags; neither means unknown.
        plausible_BC: bool, classes somebody named in this image; all where too little is known.
        valid_Bhw: bool, cells inside the picture and not ignored.
        is_full_B: bool, targets come from an accepted mask.
        items_Bhw: int64, which stroke or point labelled a cell, numbered over all images; -1 where none did.
        boxes: positive boxes on the output grid.
        progress: 0 at the first step, towards 1 at the last.
    """

    rgb_BHWC: Tensor
    jittered_BHWC: Tensor
    targets_BChw: Tensor
    excluded_BChw: Tensor
    present_BC: Tensor
    absent_BC: Tensor
    plausible_BC: Tensor
    valid_Bhw: Tensor
    is_full_B: Tensor
    items_Bhw: Tensor
    boxes: tuple[GridBox, ...]
    progress: float

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Losses:
    """`total` is back-propagated; `parts` are logged."""

    total: Tensor
    parts: Mapping[str, float]


@dataclass(frozen=True)
class Prediction:
    """What a network thinks of one image.

    Attributes:
        probabilities: float32 (C, h, w), summing to 1 over C, at a quarter of the network's input size.
        class_indices: the class index of each of the C positions, ascending.
        views: float32 (T, C, h, w), the answers that ``probabilities`` are the mean of, where there were several.
    """

    probabilities: npt.NDArray[np.float32]
    class_indices: tuple[int, ...]
    views: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and on what a task wants to be trained."""

    steps: int
    batch_size: int
    image_size: int


class EffortSettings(Protocol):
    """The settings that say how long and on what to train."""

    @property
    def effort(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def image_size(self) -> int: ...
    @property
    def batch_size(self) -> int: ...


def schedule_by_effort(
    config: EffortSettings,
    num_images: int,
    *,
    epochs: Mapping[str, float],
    bounds: Mapping[str, tuple[int, int]],
    least: int = 0,
) -> Schedule:
    """Epochs by effort, but at least `least` steps and within bounds, unless `steps` says exactly how many."""
    low, high = bounds[config.effort]
    wanted = round(epochs[config.effort] * num_images / config.batch_size)
    steps = config.steps or min(max(wanted, least, low), high)
    return Schedule(steps=steps, batch_size=config.batch_size, image_size=config.image_size)


@dataclass(frozen=True, kw_only=True)
class TaskContext:
    """What a task is told about the data before training.

    Attributes:
        class_weights_C: averages 1 over labelled pixels.
        background: position of the class that is what the others leave; None if the project has no such class.
        num_items: numbers of `Batch.items_Bhw` go from 0 to this, exclusive.
        class_names: by position, for methods that read them.
    """

    num_classes: int
    class_weights_C: Tensor
    seed: int
    background: int | None = None
    num_items: int = 1
    class_names: tuple[str, ...] = ()


class TrainingTask(Protocol):
    """Network, losses and any teacher. The loop only calls these."""

    def schedule(self, num_images: int) -> Schedule:
        """Steps, batch size and image size for that many training images."""

    def parameter_groups(self) -> list[dict[str, object]]:
        """Groups for AdamW, each with its own `lr`."""

    def losses(self, batch: Batch) -> Losses:
        """Loss of one batch."""

    def after_step(self, step: int) -> None:
        """Averages, schedules; `step` counts from 1."""

    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Probabilities (B, C, H/4, W/4) of uint8 images whose sides are multiples of 32."""

    def weights(self) -> dict[str, Tensor]:
        """What prediction needs, by name."""

    def load_weights(self, weights: Mapping[str, Tensor], *, strict: bool) -> None:
        """Take over such weights; without `strict` what does not fit keeps its value."""

    def checkpoint(self) -> dict[str, Tensor]:
        """Everything that changes during training."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Invert `checkpoint`."""

    def module(self) -> nn.Module:
        """The module whose device and mode the loop sets."""
