"""Batches of the pictures' own pixels: traces of a change lie in the noise, which any enlarging wipes out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from models_zoo.data.dataset import Sample, TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.data.transforms import View


class PixelSet(TrainingSet):
    """Pictures kept at the network's size; one whose long side is that size is not resampled at all."""

    source_scale: ClassVar[float] = 1.0


class PixelLoader(Loader):
    """Pictures mirrored and moved by whole pixels, never zoomed."""

    dataset_type: ClassVar[type[TrainingSet]] = PixelSet

    def view(self, rng: np.random.Generator, sample: Sample) -> View:
        """Anywhere such that the longer of picture and canvas covers the shorter; mirrored half the time."""
        height, width = sample.labels.shape
        left, top = (
            int(rng.integers(min(0, room - length), max(0, room - length) + 1))
            for length, room in zip((width, height), self.canvas, strict=True)
        )
        is_mirrored = rng.random() < 0.5
        return View(-1.0 if is_mirrored else 1.0, 1.0, left + width * is_mirrored, top, *self.canvas)
