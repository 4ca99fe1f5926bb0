"""Images with boxes, images with tags only, and each of them whole beside the part of it that is learnt from.

Boxes are mended once an image and kept, which must not depend on the crop that happens to be shown: so a batch carries
the whole images too, and how to get from their pixels to those of the crop.

Shape letters: B images, H, W canvas, K classes of objects, N boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models_zoo.data.dataset import TrainingSet
from models_zoo.data.transforms import View, colour_jitter
from models_zoo.detection.data import BoxBatch, BoxLoader, BoxSet
from models_zoo.losses.detection import OPEN
from models_zoo.marks import MarkKind, Tag
from models_zoo.snapshot import Snapshot, SnapshotImage

_MIN_VISIBLE = 0.7
"""What an image shows is believed of a crop only when it shows this much of the image."""
_SPECKLE = 0.06


@dataclass(frozen=True)
class TaggedBatch(BoxBatch):
    """A batch whose first images are boxed and whose others are tagged.

    Attributes:
        numbers: of each image in the data set.
        whole_BHWC: uint8, the whole images in the upper left of the canvas.
        sizes: (width, height) of each there.
        to_view_B4: float32, sx, sy, tx, ty: pixel x there is pixel sx x + tx of the canvas that is learnt from.
        whole_boxes: of each boxed image float32 (N, 4) there, of the others what is free of a class.
        whole_labels: of each box its position among the classes of objects, int64 (N,).
        present_BK: bool, classes that an image shows as somebody said, by a tag or a box.
        image_labels_B: int64, the only class an image shows, K for none, `OPEN` for several and for what is not known
            or not to be seen on the canvas.
    """

    numbers: tuple[int, ...]
    whole_BHWC: Tensor
    sizes: tuple[tuple[int, int], ...]
    to_view_B4: Tensor
    whole_boxes: tuple[Tensor, ...]
    whole_labels: tuple[Tensor, ...]
    present_BK: Tensor
    image_labels_B: Tensor

    def to(self, device: torch.device) -> TaggedBatch:
        """The same batch on another device."""
        moved = super().to(device)
        assert isinstance(moved, TaggedBatch)
        boxes = tuple(part.to(device) for part in self.whole_boxes)
        return replace(moved, whole_boxes=boxes, whole_labels=tuple(part.to(device) for part in self.whole_labels))


class TaggedBoxSet(BoxSet):
    """Boxed images of the train split, then those that have tags of objects only."""

    def __init__(self, snapshot: Snapshot, *, image_size: int, accepts: frozenset[MarkKind]) -> None:
        """Sort the images; raises TrainingError where none is boxed."""
        super().__init__(snapshot, image_size=image_size, accepts=accepts)
        tagged = [image for image in self.images[self.num_boxed :] if tags_of(image, self.objects)]
        self.images = (*self.images[: self.num_boxed], *tagged)


def tags_of(image: SnapshotImage, objects: Sequence[int]) -> dict[int, bool]:
    """Class index -> is it in the image? as tags say it of classes of objects."""
    return {m.class_index: m.sign > 0 for m in image.marks if isinstance(m, Tag) and m.class_index in objects}


class TaggedBoxLoader(BoxLoader):
    """Batches half of boxed and half of tagged images, of boxed ones alone where there are no others."""

    dataset_type: ClassVar[type[TrainingSet]] = TaggedBoxSet
    scales: ClassVar[tuple[float, float]] = (0.8, 1.2)
    """Milder than elsewhere: what an image is tagged with has to be on the canvas."""

    def recolour(
        self, rng: np.random.Generator, rgb: npt.NDArray[np.uint8], *, is_boxed: bool
    ) -> npt.NDArray[np.uint8]:
        """Other colours and speckle; nothing is erased, for it may be what the tag is about."""
        grain = 1 + _SPECKLE * rng.standard_normal(rgb.shape[:2])[..., None]
        return np.clip(colour_jitter(rng, rgb) * grain, 0, 255).astype(np.uint8)

    def batch(self, step: int) -> TaggedBatch:
        """The batch of one step."""
        base, numbers = super().batch(step), self.numbers(step)
        views = [self.placed(number, step, place)[2] for place, number in enumerate(numbers)]
        wholes = [self._whole(number) for number in numbers]
        drawn = [self._drawn(number, whole) for number, whole in zip(numbers, wholes, strict=True)]
        said = [self._said(number) for number in numbers]
        labels = [self._label(number, view, *one) for number, view, one in zip(numbers, views, said, strict=True)]
        return TaggedBatch(
            **vars(base),
            numbers=tuple(numbers),
            whole_BHWC=torch.from_numpy(
                np.stack([one.warp_rgb(self.dataset.sample(n).rgb) for n, one in zip(numbers, wholes, strict=True)])
            ),
            sizes=tuple(self._size(number, whole) for number, whole in zip(numbers, wholes, strict=True)),
            to_view_B4=torch.tensor([_between(*pair) for pair in zip(wholes, views, strict=True)]),
            whole_boxes=tuple(boxes for boxes, _ in drawn),
            whole_labels=tuple(labels for _, labels in drawn),
            present_BK=torch.from_numpy(np.stack([present for present, _ in said])),
            image_labels_B=torch.tensor(labels, dtype=torch.int64),
        )

    def _whole(self, number: int) -> View:
        """The view that shows an image as large as it fits the canvas."""
        height, width = self.dataset.sample(number).rgb.shape[:2]
        scale = min(self.canvas[0] / width, self.canvas[1] / height)
        return View(scale, scale, 0.0, 0.0, *self.canvas)

    def _size(self, number: int, whole: View) -> tuple[int, int]:
        height, width = self.dataset.sample(number).rgb.shape[:2]
        return max(1, round(width * whole.sx)), max(1, round(height * whole.sy))

    def _drawn(self, number: int, whole: View) -> tuple[Tensor, Tensor]:
        """Boxes of a whole image and their labels; of an image with tags only what is free of a class."""
        sign = 1 if number < self.boxes.num_boxed else -1
        boxes = [b for b in self.dataset.sample(number).boxes if b.sign == sign and b.class_index in self.boxes.objects]
        corners = torch.tensor([whole.map_box(box.x0, box.y0, box.x1, box.y1) for box in boxes])
        labels = torch.tensor([self.boxes.objects.index(box.class_index) for box in boxes], dtype=torch.int64)
        return corners.reshape(-1, 4).float(), labels

    def _said(self, number: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Classes of objects (K,) that an image shows, and those that it does not."""
        tags = tags_of(self.dataset.images[number], self.boxes.objects)
        boxed = {box.class_index for box in self.dataset.sample(number).boxes if box.sign > 0}
        present = np.array([tags.get(index, False) or index in boxed for index in self.boxes.objects])
        absent = np.array([not tags.get(index, True) for index in self.boxes.objects])
        return present, absent & ~present

    def _label(self, number: int, view: View, present_K: npt.NDArray[np.bool_], absent_K: npt.NDArray[np.bool_]) -> int:
        if absent_K.all():
            return len(present_K)
        height, width = self.dataset.sample(number).rgb.shape[:2]
        if present_K.sum() != 1 or view.visible_share(width, height) < _MIN_VISIBLE:
            return OPEN
        return int(np.flatnonzero(present_K)[0])


def _between(first: View, second: View) -> tuple[float, float, float, float]:
    """From pixels of one view to those of another: sx, sy, tx, ty. The first is not shifted."""
    return second.sx / first.sx, second.sy / first.sy, second.tx, second.ty
