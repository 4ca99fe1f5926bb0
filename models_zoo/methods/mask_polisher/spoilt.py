"""Batches of spoilt masks: pieces of images with accepted masks, each with one class's mask as the model might draw it.

Shape letters: B masks, H, W canvas; y = H / 2, x = W / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models_zoo.data.dataset import Sample, TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.data.transforms import colour_jitter, random_view
from models_zoo.errors import TrainingError
from models_zoo.marks import UNLABELLED
from models_zoo.methods.base import Batch
from models_zoo.methods.mask_polisher.drawing import spoil
from models_zoo.methods.mask_polisher.error_model import ErrorModel, ErrorModelError, from_json
from models_zoo.methods.mask_polisher.network import OUTPUT_STRIDE
from models_zoo.methods.mask_polisher.regions import LabelMap, classes_of
from models_zoo.snapshot import Snapshot, SnapshotImage

ERRORS = "errors.json"
"""Beside a snapshot's manifest: how the model errs whose masks are to be mended."""
_BACKGROUND_SHARE = 0.15
_FloatMap = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SpoiltBatch(Batch):
    """A batch of single masks.

    Attributes:
        guides_B2yx: float32, the spoilt mask and the sureness.
        truth_Byx: float32, the true mask's share of each cell.
        known_Byx: bool, cells inside the picture that have a class.
    """

    guides_B2yx: Tensor
    truth_Byx: Tensor
    known_Byx: Tensor


class MaskSet(TrainingSet):
    """Images with accepted masks only."""

    nothing_to_learn: ClassVar[str] = (
        "there are no accepted masks in the train split: accept some masks first, then train again"
    )

    def _is_usable(self, image: SnapshotImage) -> bool:
        return image.mask is not None


class SpoiltLoader(Loader):
    """A `Loader` of `SpoiltBatch`; reads `ERRORS` beside the snapshot, without it the default errors hold."""

    dataset_type: ClassVar[type[TrainingSet]] = MaskSet

    def __init__(self, dataset: TrainingSet, *, batch_size: int, steps: int, seed: int) -> None:
        super().__init__(dataset, batch_size=batch_size, steps=steps, seed=seed)
        self._errors = read_errors(dataset.snapshot)
        self._background = dataset.snapshot.background

    def batch(self, step: int) -> SpoiltBatch:
        """The batch of one step."""
        shown = [self._show(number, step, place) for place, number in enumerate(self._numbers(step))]
        rgb, jittered, guides, truth, known = (torch.from_numpy(np.stack(part)) for part in zip(*shown, strict=True))
        count, classes = len(shown), len(self._positions)
        nothing = torch.zeros((count, classes, 1, 1))
        return SpoiltBatch(
            rgb_BHWC=rgb,
            jittered_BHWC=jittered,
            targets_BChw=nothing,
            excluded_BChw=nothing.bool(),
            present_BC=nothing[..., 0, 0].bool(),
            absent_BC=nothing[..., 0, 0].bool(),
            plausible_BC=~nothing[..., 0, 0].bool(),
            valid_Bhw=nothing[:, 0].bool(),
            is_full_B=torch.ones(count, dtype=torch.bool),
            items_Bhw=nothing[:, 0].long() - 1,
            boxes=(),
            progress=step / self.steps,
            guides_B2yx=guides,
            truth_Byx=truth,
            known_Byx=known > 0.5,
        )

    def _show(self, number: int, step: int, place: int) -> tuple[npt.NDArray[np.generic], ...]:
        rng = np.random.default_rng([self.seed, 2, step, place])
        sample = self.dataset.sample(number)
        spoilt, sureness = spoil(rng, sample.labels, self._errors, self._background)
        index = self._choose(rng, sample, spoilt)
        height, width = spoilt.shape
        view = random_view(rng, (width, height), self.canvas, base_scale=sample.base_scale)
        rgb = view.warp_rgb(sample.rgb)
        labels = view.warp_labels(sample.labels)
        given = view.warp_labels(spoilt)
        sure = view.warp_rgb(np.rint(sureness * 255).astype(np.uint8)).astype(np.float32) / 255
        guides = np.stack([_shares(given == index), _shares(sure)])
        return rgb, colour_jitter(rng, rgb), guides, _shares(labels == index), _shares(labels < UNLABELLED)

    def _choose(self, rng: np.random.Generator, sample: Sample, spoilt: LabelMap) -> int:
        """A class that is there or that the spoilt mask claims; seldom the background."""
        there = sorted({*classes_of(sample.labels), *classes_of(spoilt)})
        things = [index for index in there if index != self._background]
        if not there:
            return 0
        pool = there if not things or rng.random() < _BACKGROUND_SHARE else things
        return pool[int(rng.integers(len(pool)))]


def read_errors(snapshot: Snapshot) -> ErrorModel:
    """How the model errs, as far as it was measured. Raises TrainingError for a damaged file."""
    path: Path = snapshot.folder / ERRORS
    if not path.is_file():
        return ErrorModel()
    try:
        return from_json(path.read_text())
    except (OSError, UnicodeDecodeError, ErrorModelError) as error:
        raise TrainingError(f"{ERRORS} cannot be used: {error}") from error


def _shares(values: npt.NDArray[np.generic]) -> _FloatMap:
    """Means over cells of 2 x 2 pixels."""
    size = values.shape[1] // OUTPUT_STRIDE, values.shape[0] // OUTPUT_STRIDE
    return np.asarray(cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
