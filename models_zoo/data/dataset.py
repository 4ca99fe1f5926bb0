"""The training part of a snapshot: pictures and labels at working size, kept in memory within a limit.

Labels of an image are its accepted mask where that names a class, and its marks elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage
from PIL import ImageOps

from models_zoo.errors import TrainingError
from models_zoo.label_map import LabelMapError, decode_png
from models_zoo.marks import IGNORE, UNLABELLED, Box, MarkKind, WeakLabels, rasterize
from models_zoo.snapshot import Snapshot, SnapshotImage

SOURCE_SCALE = 1.25
"""Pictures are kept somewhat larger than the network sees them, so that zooming in stays sharp."""
CACHE_BYTES = 768 * 1024 * 1024
_MIN_REST = 0.05
MAX_PATCHES = 24
"""Strokes and points of an image that are told apart; what is remembered of each is kept for all images."""
SHARES_FROM = 500
"""Class balance is estimated from at most about twice so many images."""


@dataclass
class Sample:
    """One image at source size.

    Attributes:
        rgb: uint8 (H, W, 3).
        labels: uint8 (H, W): class index, UNLABELLED or IGNORE.
        is_full: labels come from an accepted mask that covers the picture.
        negatives: class index -> uint8 (H, W), 1 where the class is excluded.
        tags: class index -> present?
        boxes: positive boxes in source pixels.
        patches: uint8 (H, W), which stroke or point labelled a pixel, from 1; 0 where none did. None: none anywhere.
        base_scale: source pixels times this are network pixels.
    """

    rgb: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    is_full: bool
    base_scale: float
    negatives: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict)
    tags: dict[int, bool] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()
    patches: npt.NDArray[np.uint8] | None = None

    @property
    def num_bytes(self) -> int:
        """Memory held by the arrays."""
        patches = 0 if self.patches is None else self.patches.nbytes
        return self.rgb.nbytes + self.labels.nbytes + patches + sum(part.nbytes for part in self.negatives.values())


def load_rgb(path: Path) -> npt.NDArray[np.uint8]:
    """Decode a picture to uint8 RGB (H, W, 3), turned as its EXIF orientation says.

    Raises:
        TrainingError: the file is missing or cannot be decoded.
    """
    try:
        with PILImage.open(path) as opened:
            return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    except (OSError, ValueError, PILImage.DecompressionBombError) as error:
        raise TrainingError(f"image {path.name} cannot be read: import it again or delete it") from error


def load_mask(path: Path, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Decode an accepted mask and check that it has the image's (width, height)."""
    try:
        mask = decode_png(path.read_bytes())
    except (OSError, LabelMapError) as error:
        raise TrainingError(f"mask {path.name} cannot be read: accept the image's mask again") from error
    if mask.shape != (size[1], size[0]):
        raise TrainingError(f"mask {path.name} is not of its image's size: accept the image's mask again")
    return mask


def fit_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """(width, height) scaled so that the longer one is `long_side`; never below 1."""
    scale = long_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize_rgb(rgb: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Resize to (width, height): averaging when shrinking, bilinear when growing."""
    shrinking = size[0] < rgb.shape[1] or size[1] < rgb.shape[0]
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=how), np.uint8)


class TrainingSet:
    """Images of the train split that somebody said something about, as Samples."""

    source_scale: ClassVar[float] = SOURCE_SCALE
    nothing_to_learn: ClassVar[str] = (
        "no marks in the train split: mark some images or accept some masks, then train again"
    )

    def __init__(self, snapshot: Snapshot, *, image_size: int, accepts: frozenset[MarkKind]) -> None:
        """Collect usable images.

        Raises:
            TrainingError: nothing to learn from; the message says what to do.
        """
        self.snapshot = snapshot
        self.image_size = image_size
        self.accepts = accepts
        self.images = tuple(image for image in snapshot.split("train") if self._is_usable(image))
        if not self.images:
            raise TrainingError(self.nothing_to_learn)
        self._cache: OrderedDict[int, Sample] = OrderedDict()
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self.images)

    def _is_usable(self, image: SnapshotImage) -> bool:
        return image.mask is not None or any(mark.kind in self.accepts for mark in image.marks)

    def canvas(self) -> tuple[int, int]:
        """(width, height) in multiples of 32 that fits the median image at network size."""
        sizes = [fit_size(image.width, image.height, self.image_size) for image in self.images]
        width, height = np.median(np.array(sizes), axis=0)
        return int(-(-width // 32) * 32), int(-(-height // 32) * 32)

    def sample(self, number: int) -> Sample:
        """The number-th image; decoded once and kept while memory allows."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        sample = self._load(self.images[number])
        self._cache[number] = sample
        self._cached_bytes += sample.num_bytes
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= dropped.num_bytes
        return sample

    def _load(self, image: SnapshotImage) -> Sample:
        rgb = load_rgb(self.snapshot.path(image.file))
        height, width = rgb.shape[:2]
        if (width, height) != (image.width, image.height):
            raise TrainingError(f"image {image.id} is not of the size the snapshot says: import it again")
        size = fit_size(width, height, round(self.image_size * self.source_scale))
        base_scale = self.image_size / max(size)
        small = resize_rgb(rgb, size)
        if image.mask is not None:
            mask = load_mask(self.snapshot.path(image.mask), (width, height))
            labels = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
            patches = self._add_marks(labels, image, size)
            return Sample(small, labels, patches is None, base_scale, patches=patches)
        return self._weak_sample(image, small, size, base_scale)

    def _add_marks(
        self, labels: npt.NDArray[np.uint8], image: SnapshotImage, size: tuple[int, int]
    ) -> npt.NDArray[np.uint8] | None:
        """Where only part of a mask was taken, the rest is as in a marked image: in place. Returns the marks' patches.

        None if the whole mask was taken, and then nothing changes.

        A few open pixels between classes are borders, not a rest.
        """
        rest = labels == IGNORE
        marks = [mark for mark in image.marks if mark.kind in self.accepts]
        if not marks or rest.mean() < _MIN_REST:
            return None
        seeds = rasterize(marks, width=image.width, height=image.height, out_size=size).seeds
        labels[rest] = seeds[rest]
        return number_patches(np.where(rest, seeds, np.uint8(UNLABELLED)))

    def _weak_sample(
        self, image: SnapshotImage, rgb: npt.NDArray[np.uint8], size: tuple[int, int], base_scale: float
    ) -> Sample:
        marks = [mark for mark in image.marks if mark.kind in self.accepts]
        weak = rasterize(marks, width=image.width, height=image.height, out_size=size)
        negatives = {index: where.astype(np.uint8) for index, where in weak.negatives.items()}
        _exclude_outside_boxes(weak, negatives)
        labels = weak.seeds.copy()
        patches = number_patches(labels)
        return Sample(rgb, labels, False, base_scale, negatives, dict(weak.tags), weak.boxes, patches)

    def labelled_shares(
        self, *, limit: int = SHARES_FROM, check: Callable[[], None] = lambda: None
    ) -> npt.NDArray[np.float64]:
        """How much each class position is labelled, from at most `limit` images spread over the set.

        Each image counts by the root of its labelled pixels, and the classes of a marked one alike, as in
        `partial_cross_entropy` and `even_classes`, so that class weights made from this balance that loss.
        `check` is called every few images and may raise to stop.
        """
        shares = np.zeros(len(self.snapshot.classes))
        indices = np.array(self.snapshot.class_indices)
        step = max(1, len(self) // limit)
        for turn, number in enumerate(range(0, len(self), step)):
            if turn % 16 == 0:
                check()
            sample = self.sample(number)
            counts = np.bincount(sample.labels.ravel(), minlength=256)[indices]
            total = counts.sum()
            if total:
                parts = counts / total if sample.is_full else (counts > 0) / np.count_nonzero(counts)
                shares += parts * np.sqrt(total)
        return shares


def number_patches(seeds: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Number the connected pieces of each class from 1: strokes and points, or what of one class touches.

    Args:
        seeds: uint8 (H, W), class indices; UNLABELLED and IGNORE get 0.

    Returns:
        uint8 (H, W); pieces beyond `MAX_PATCHES` all get that number.
    """
    patches = np.zeros(seeds.shape, np.uint8)
    used = 0
    for index in np.unique(seeds):
        if index < UNLABELLED:
            count, pieces = cv2.connectedComponents((seeds == index).astype(np.uint8), connectivity=8)
            there = pieces > 0
            patches[there] = np.minimum(pieces[there] + used, MAX_PATCHES)
            used += count - 1
    return patches


def _exclude_outside_boxes(weak: WeakLabels, negatives: dict[int, npt.NDArray[np.uint8]]) -> None:
    """A boxed class is nowhere but in its boxes, unless a stroke says so."""
    for index in {box.class_index for box in weak.boxes}:
        outside = np.ones(weak.seeds.shape, np.uint8)
        for box in weak.boxes:
            if box.class_index == index:
                outside[int(box.y0) : round(box.y1 + 0.5), int(box.x0) : round(box.x1 + 0.5)] = 0
        outside[weak.seeds == index] = 0
        known = negatives.get(index)
        negatives[index] = outside if known is None else np.maximum(outside, known)
