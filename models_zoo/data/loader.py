"""Batches by step number: step s of seed r is always the same batch, whatever happened before.

Shape letters: B batch, C classes, H height, W width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from models_zoo.data.dataset import MAX_PATCHES, Sample, TrainingSet
from models_zoo.data.transforms import View, colour_jitter, random_view
from models_zoo.losses.box_projection import GridBox
from models_zoo.marks import IGNORE
from models_zoo.methods.base import Batch
from models_zoo.networks.segmenter import OUTPUT_STRIDE

_MIN_VISIBLE = 0.7
"""A tag "present" is believed of a crop only when it shows this much of the image."""
_MIN_BOX_VISIBLE = 0.8


@dataclass
class Item:
    """One sample after augmentation, as arrays."""

    rgb: npt.NDArray[np.uint8]
    jittered: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]
    excluded: npt.NDArray[np.bool_]
    present: npt.NDArray[np.bool_]
    absent: npt.NDArray[np.bool_]
    plausible: npt.NDArray[np.bool_]
    valid: npt.NDArray[np.bool_]
    is_full: bool
    items: npt.NDArray[np.int64]
    boxes: list[tuple[int, int, int, int, int]]


class Loader:
    """Makes the batch of any step; one batch is prepared ahead while the network works.

    A method with batches of its own kind names a subclass in its info, which may want another ``dataset_type``.
    """

    dataset_type: ClassVar[type[TrainingSet]] = TrainingSet

    def __init__(self, dataset: TrainingSet, *, batch_size: int, steps: int, seed: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.steps = steps
        self.seed = seed
        self.canvas = dataset.canvas()
        indices = dataset.snapshot.class_indices
        self._positions = {index: position for position, index in enumerate(indices)}
        self._lookup = np.full(256, len(indices), np.int64)
        self._lookup[list(indices)] = np.arange(len(indices))

    def batches(self, first_step: int) -> Iterator[Batch]:
        """Yield the batches of steps first_step, first_step + 1, … up to the last."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead: Future[Batch] | None = None
            for step in range(first_step, self.steps):
                current = ahead or pool.submit(self.batch, step)
                ahead = pool.submit(self.batch, step + 1) if step + 1 < self.steps else None
                yield current.result()

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        numbers = self._numbers(step)
        items = [self._item(number, step, place) for place, number in enumerate(numbers)]
        return _stack(items, step / self.steps)

    def _numbers(self, step: int) -> list[int]:
        """Which images: a fresh shuffle each time all have been seen."""
        count = len(self.dataset)
        first = step * self.batch_size
        orders: dict[int, npt.NDArray[np.int64]] = {}
        chosen = []
        for position in range(first, first + self.batch_size):
            epoch, place = divmod(position, count)
            if epoch not in orders:
                orders[epoch] = np.random.default_rng([self.seed, 1, epoch]).permutation(count)
            chosen.append(int(orders[epoch][place]))
        return chosen

    def _item(self, number: int, step: int, place: int) -> Item:
        rng = np.random.default_rng([self.seed, 2, step, place])
        sample = self.dataset.sample(number)
        view = self.view(rng, sample)
        rgb = view.warp_rgb(sample.rgb)
        targets, valid = self._targets(view.warp_labels(sample.labels))
        present, absent = self._tags(sample, view)
        return Item(
            rgb=rgb,
            jittered=colour_jitter(rng, rgb),
            targets=targets,
            excluded=self._excluded(sample, view, absent),
            present=present,
            absent=absent,
            plausible=self._plausible(sample, absent),
            valid=valid,
            is_full=sample.is_full,
            items=self._items(sample, view, number),
            boxes=self._boxes(sample, view),
        )

    def view(self, rng: np.random.Generator, sample: Sample) -> View:
        """Where a sample goes on the canvas: at a random scale and place."""
        height, width = sample.labels.shape
        return random_view(rng, (width, height), self.canvas, base_scale=sample.base_scale)

    def _targets(self, labels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Shares of each class a cell (C, h, w), and which cells lie mostly in the picture (h, w)."""
        height, width = labels.shape
        rows, columns = height // OUTPUT_STRIDE, width // OUTPUT_STRIDE
        classes = len(self._positions)
        cell = np.arange(rows * columns).reshape(rows, columns)
        cell = cell.repeat(OUTPUT_STRIDE, axis=0).repeat(OUTPUT_STRIDE, axis=1)
        flat = (cell * (classes + 1) + self._lookup[labels]).ravel()
        counts = np.bincount(flat, minlength=rows * columns * (classes + 1))
        shares = counts.reshape(rows, columns, classes + 1)[..., :classes] / OUTPUT_STRIDE**2
        inside = (labels != IGNORE).reshape(rows, OUTPUT_STRIDE, columns, OUTPUT_STRIDE).mean(axis=(1, 3))
        return shares.transpose(2, 0, 1).astype(np.float32), inside >= 0.5

    def _tags(self, sample: Sample, view: View) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        present, absent = np.zeros((2, len(self._positions)), np.bool_)
        height, width = sample.labels.shape
        shows_enough = view.visible_share(width, height) >= _MIN_VISIBLE
        for index, is_present in sample.tags.items():
            if not is_present:
                absent[self._positions[index]] = True
            elif shows_enough:
                present[self._positions[index]] = True
        return present, absent

    def _items(self, sample: Sample, view: View, number: int) -> npt.NDArray[np.int64]:
        """Which mark labelled a cell (h, w), numbered over all images; -1 where none did."""
        rows, columns = view.height // OUTPUT_STRIDE, view.width // OUTPUT_STRIDE
        if sample.patches is None:
            return np.full((rows, columns), -1, np.int64)
        warped = view.warp_labels(sample.patches, outside=0)
        patches = warped.reshape(rows, OUTPUT_STRIDE, columns, OUTPUT_STRIDE).max(axis=(1, 3)).astype(np.int64)
        return np.where(patches > 0, number * MAX_PATCHES + patches - 1, -1)

    def _plausible(self, sample: Sample, absent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Classes somebody named; all not absent while fewer than two are named."""
        named = np.zeros(len(self._positions) + 1, np.bool_)
        named[self._lookup[np.unique(sample.labels)]] = True
        for box in sample.boxes:
            named[self._positions[box.class_index]] = True
        for index, is_present in sample.tags.items():
            named[self._positions[index]] |= is_present
        named = named[:-1] & ~absent
        return named if named.sum() >= 2 else ~absent

    def _excluded(self, sample: Sample, view: View, absent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        rows, columns = view.height // OUTPUT_STRIDE, view.width // OUTPUT_STRIDE
        excluded = np.zeros((len(self._positions), rows, columns), np.bool_)
        excluded[absent] = True
        for index, where in sample.negatives.items():
            warped = view.warp_labels(where, outside=0)
            shares = warped.reshape(rows, OUTPUT_STRIDE, columns, OUTPUT_STRIDE).mean(axis=(1, 3))
            excluded[self._positions[index]] |= shares > 0.5
        return excluded

    def _boxes(self, sample: Sample, view: View) -> list[tuple[int, int, int, int, int]]:
        """(class position, x0, y0, x1, y1) in cells of the boxes that are mostly on the canvas."""
        kept = []
        for box in sample.boxes:
            x0, y0, x1, y1 = view.map_box(box.x0, box.y0, box.x1, box.y1)
            left, top = max(0.0, x0), max(0.0, y0)
            right, bottom = min(x1, view.width), min(y1, view.height)
            area = max(0.0, right - left) * max(0.0, bottom - top)
            if area < _MIN_BOX_VISIBLE * (x1 - x0) * (y1 - y0):
                continue
            cells = _to_cells(left, right, view.width), _to_cells(top, bottom, view.height)
            kept.append((self._positions[box.class_index], cells[0][0], cells[1][0], cells[0][1], cells[1][1]))
        return kept


def _to_cells(low: float, high: float, room: int) -> tuple[int, int]:
    """Cells covered by [low, high), at least one, within the grid."""
    last = room // OUTPUT_STRIDE
    start = min(int(low / OUTPUT_STRIDE), last - 1)
    return start, min(max(start + 1, -int(-high // OUTPUT_STRIDE)), last)


def _stack(items: Sequence[Item], progress: float) -> Batch:
    return Batch(
        rgb_BHWC=torch.from_numpy(np.stack([item.rgb for item in items])),
        jittered_BHWC=torch.from_numpy(np.stack([item.jittered for item in items])),
        targets_BChw=torch.from_numpy(np.stack([item.targets for item in items])),
        excluded_BChw=torch.from_numpy(np.stack([item.excluded for item in items])),
        present_BC=torch.from_numpy(np.stack([item.present for item in items])),
        absent_BC=torch.from_numpy(np.stack([item.absent for item in items])),
        plausible_BC=torch.from_numpy(np.stack([item.plausible for item in items])),
        valid_Bhw=torch.from_numpy(np.stack([item.valid for item in items])),
        is_full_B=torch.tensor([item.is_full for item in items]),
        items_Bhw=torch.from_numpy(np.stack([item.items for item in items])),
        boxes=tuple(GridBox(number, *box) for number, item in enumerate(items) for box in item.boxes),
        progress=progress,
    )
