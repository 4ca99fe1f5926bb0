"""Batches of single objects: pieces of images with accepted masks, each with one thing to find in it.

A batch has two positions whatever the project's classes are: 0 is all else, 1 the object. What makes an object: one
connected piece of a class, two pieces together, or now and then a class as a whole; sometimes nothing at all.
"""

from __future__ import annotations

import math
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.data.dataset import Sample, TrainingSet
from models_zoo.data.loader import Item, Loader
from models_zoo.data.transforms import View, colour_jitter, random_view
from models_zoo.marks import IGNORE, UNLABELLED
from models_zoo.simulation.strokes import BoolArray
from models_zoo.snapshot import SnapshotImage

_MIN_PIXELS = 60
_MAX_PIECES = 64
_WHOLE_CLASS, _TWO_PIECES, _NOTHING = 0.25, 0.15, 0.03
_CLOSE_UP = 0.7
_SHARES = (0.25, 0.95)
"""How much of the canvas a close-up's object fills, by its longer side."""
_MAX_ENLARGEMENT = 4.0
_REST, _OBJECT = 0, 1


class ObjectSet(TrainingSet):
    """Images with accepted masks only, kept large enough to look closely at a small thing."""

    source_scale: ClassVar[float] = 2.5
    nothing_to_learn: ClassVar[str] = (
        "there are no accepted masks in the train split: accept some masks first, then train again"
    )

    def _is_usable(self, image: SnapshotImage) -> bool:
        return image.mask is not None

    def canvas(self) -> tuple[int, int]:
        """A square: objects have any shape."""
        side = -(-self.image_size // 32) * 32
        return side, side


class ObjectLoader(Loader):
    """A `Loader` whose items show one object each."""

    dataset_type: ClassVar[type[TrainingSet]] = ObjectSet

    def __init__(self, dataset: TrainingSet, *, batch_size: int, steps: int, seed: int) -> None:
        super().__init__(dataset, batch_size=batch_size, steps=steps, seed=seed)
        self._positions = {_REST: 0, _OBJECT: 1}
        self._lookup = np.full(256, 2, np.int64)
        self._lookup[[_REST, _OBJECT]] = (0, 1)
        self._background = dataset.snapshot.background

    def _item(self, number: int, step: int, place: int) -> Item:
        rng = np.random.default_rng([self.seed, 2, step, place])
        sample = self.dataset.sample(number)
        chosen = choose_object(rng, sample.labels, self._background)
        view = _view(rng, sample, chosen, self.canvas)
        labels = np.where(sample.labels >= UNLABELLED, np.uint8(IGNORE), chosen.astype(np.uint8))
        rgb = view.warp_rgb(sample.rgb)
        targets, valid = self._targets(view.warp_labels(labels))
        nowhere = np.zeros((2, *valid.shape), np.bool_)
        nobody = np.zeros(2, np.bool_)
        return Item(
            rgb=rgb,
            jittered=colour_jitter(rng, rgb),
            targets=targets,
            excluded=nowhere,
            present=nobody,
            absent=nobody,
            plausible=~nobody,
            valid=valid,
            is_full=True,
            items=np.full(valid.shape, -1, np.int64),
            boxes=[],
        )


def choose_object(rng: np.random.Generator, labels: npt.NDArray[np.uint8], background: int | None) -> BoolArray:
    """Which pixels (H, W) are to be found; the background is one only where there is nothing else."""
    nothing = np.zeros(labels.shape, np.bool_)
    classes = [int(value) for value in np.unique(labels) if value < UNLABELLED]
    things = [index for index in classes if index != background] or classes
    if not things or rng.random() < _NOTHING:
        return nothing
    whole = np.asarray(labels == things[int(rng.integers(len(things)))], np.bool_)
    pieces = _pieces(whole)
    kind = rng.random()
    if not pieces or kind < _WHOLE_CLASS:
        return whole
    first = pieces[int(rng.integers(len(pieces)))]
    if kind < _WHOLE_CLASS + _TWO_PIECES:
        return first | pieces[int(rng.integers(len(pieces)))]
    return first


def _pieces(region: BoolArray) -> list[BoolArray]:
    """Connected pieces of at least 60 px, the largest 64."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    order = [int(number) for number in np.argsort(-sizes, kind="stable")[:_MAX_PIECES] if sizes[number] >= _MIN_PIXELS]
    return [np.asarray(labels == number + 1, np.bool_) for number in order]


def _view(rng: np.random.Generator, sample: Sample, chosen: BoolArray, canvas: tuple[int, int]) -> View:
    """The image as a whole, or a close-up in which the object fills a good part of the canvas."""
    size = chosen.shape[1], chosen.shape[0]
    if not chosen.any() or rng.random() > _CLOSE_UP:
        return random_view(rng, size, canvas, base_scale=sample.base_scale)
    columns, rows = np.flatnonzero(chosen.any(axis=0)), np.flatnonzero(chosen.any(axis=1))
    longest = max(columns[-1] - columns[0], rows[-1] - rows[0]) + 1
    share = math.exp(rng.uniform(math.log(_SHARES[0]), math.log(_SHARES[1])))
    scale = min(share * canvas[0] / longest, _MAX_ENLARGEMENT * sample.base_scale)
    # The object's box anywhere on the canvas, as far as the image covers the canvas.
    offsets = []
    for low, high, length, room in (
        (columns[0], columns[-1] + 1, size[0], canvas[0]),
        (rows[0], rows[-1] + 1, size[1], canvas[1]),
    ):
        wanted = rng.uniform(-low * scale, max(-low * scale, room - high * scale))
        slack = room - length * scale
        offsets.append(float(np.clip(wanted, min(0.0, slack), max(0.0, slack))))
    if rng.random() < 0.5:
        return View(-scale, scale, canvas[0] - offsets[0], offsets[1], *canvas)
    return View(scale, scale, offsets[0], offsets[1], *canvas)


def largest_classes(
    labels: npt.NDArray[np.uint8], background: int | None, *, limit: int, min_share: float
) -> list[int]:
    """Classes that cover enough of an image, without the background, largest first."""
    counts = np.bincount(labels.ravel(), minlength=256)[:IGNORE]
    order = np.argsort(-counts, kind="stable")[: limit + 1]
    found = [int(index) for index in order if index != background and counts[index] >= min_share * labels.size]
    return found[:limit]


def largest_piece(region: BoolArray) -> BoolArray:
    """The largest connected piece of a region that is not empty: what one click means."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()), np.bool_)
