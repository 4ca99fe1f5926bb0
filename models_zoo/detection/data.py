"""Images with boxes, and images with none that a method may teach itself on.

An image that somebody drew boxes on is taken as boxed throughout: what has no box there is no object. Of a class that
is marked in it by a stroke, a point or a tag but has no box, nothing is concluded. Accepted masks are not read: they do
not say where one object ends and the next one begins.

Shape letters: B images, M their boxed ones, U the others, H, W canvas, K classes of objects, N boxes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models_zoo.data.dataset import Sample, TrainingSet, fit_size, load_rgb, resize_rgb
from models_zoo.data.loader import Loader
from models_zoo.data.transforms import SCALE_RANGE, View, colour_jitter, random_view
from models_zoo.detection.boxes import on_canvas
from models_zoo.errors import TrainingError
from models_zoo.marks import Box, MarkKind
from models_zoo.methods.base import Batch
from models_zoo.snapshot import Snapshot, SnapshotClass, SnapshotImage

_PATCHES = 4
_PATCH_SHARE = 0.2


@dataclass(frozen=True)
class BoxBatch(Batch):
    """A batch whose first images are boxed; the fields of `Batch` about cells are empty.

    Attributes:
        num_boxed: how many images are boxed.
        true_boxes: of each boxed image float32 (N, 4), of the others what is free of a class.
        true_labels: of each box its position among the classes of objects, int64 (N,); `OPEN` where mostly cut off.
        known_BK: bool, classes of objects of which it is known where there is none.
    """

    num_boxed: int
    true_boxes: tuple[Tensor, ...]
    true_labels: tuple[Tensor, ...]
    known_BK: Tensor

    def to(self, device: torch.device) -> BoxBatch:
        """The same batch on another device."""
        moved = super().to(device)
        assert isinstance(moved, BoxBatch)
        boxes = tuple(part.to(device) for part in self.true_boxes)
        return replace(moved, true_boxes=boxes, true_labels=tuple(part.to(device) for part in self.true_labels))


def object_classes(classes: tuple[SnapshotClass, ...]) -> tuple[int, ...]:
    """Indices of the classes that objects can have: all but the background, ascending."""
    return tuple(sorted(item.index for item in classes if not item.is_background))


def boxes_of(image: SnapshotImage, classes: tuple[int, ...]) -> list[Box]:
    """The objects that a person boxed in an image."""
    return [m for m in image.marks if isinstance(m, Box) and m.sign > 0 and m.class_index in classes]


class BoxSet(TrainingSet):
    """Images of the train split, the boxed ones first, and those of the pool that nobody boxed."""

    nothing_to_learn: ClassVar[str] = (
        "there are no boxes in the train split: draw boxes around all objects of some images, then train again"
    )

    def __init__(self, snapshot: Snapshot, *, image_size: int, accepts: frozenset[MarkKind]) -> None:
        """Sort the images; raises TrainingError where none is boxed."""
        self.objects = object_classes(snapshot.classes)
        super().__init__(snapshot, image_size=image_size, accepts=accepts)
        boxed = [image for image in self.images if boxes_of(image, self.objects)]
        if not boxed:
            raise TrainingError(self.nothing_to_learn)
        pool = [image for image in snapshot.split("pool") if not boxes_of(image, self.objects)]
        rest = [image for image in self.images if not boxes_of(image, self.objects)]
        self.num_boxed = len(boxed)
        self.images = (*boxed, *rest, *pool)

    def _is_usable(self, image: SnapshotImage) -> bool:
        return True

    def labelled_shares(self, **_: object) -> npt.NDArray[np.float64]:
        """How many boxes each class position has; of the background how many images say where there is none."""
        indices, background = self.snapshot.class_indices, self.snapshot.background
        shares = np.zeros(len(indices))
        if background is not None:
            shares[indices.index(background)] = self.num_boxed
        for image in self.images[: self.num_boxed]:
            for box in boxes_of(image, self.objects):
                shares[indices.index(box.class_index)] += 1
        return shares

    def _load(self, image: SnapshotImage) -> Sample:
        rgb = load_rgb(self.snapshot.path(image.file))
        if (rgb.shape[1], rgb.shape[0]) != (image.width, image.height):
            raise TrainingError(f"image {image.id} is not of the size the snapshot says: import it again")
        size = fit_size(image.width, image.height, round(self.image_size * self.source_scale))
        wide, high = size[0] / image.width, size[1] / image.height
        boxes = tuple(
            Box(mark.class_index, mark.sign, mark.x0 * wide, mark.y0 * high, mark.x1 * wide, mark.y1 * high)
            for mark in image.marks
            if isinstance(mark, Box)
        )
        nothing = np.zeros((0, 0), np.uint8)
        return Sample(resize_rgb(rgb, size), nothing, False, self.image_size / max(size), boxes=boxes)

    def open_classes(self, number: int) -> set[int]:
        """Classes marked in the number-th image in another way than by boxes: where there is none is not known."""
        image = self.images[number]
        boxed = {box.class_index for box in boxes_of(image, self.objects)}
        marked = {m.class_index for m in image.marks if m.sign > 0 and not isinstance(m, Box)}
        return marked - boxed


class BoxLoader(Loader):
    """Batches half of boxed and half of other images, of boxed ones alone where there are no others."""

    dataset_type: ClassVar[type[TrainingSet]] = BoxSet
    scales: ClassVar[tuple[float, float]] = SCALE_RANGE

    def __init__(self, dataset: TrainingSet, *, batch_size: int, steps: int, seed: int) -> None:
        assert isinstance(dataset, BoxSet)
        super().__init__(dataset, batch_size=batch_size, steps=steps, seed=seed)
        self.boxes = dataset
        others = batch_size // 2 if len(dataset) > dataset.num_boxed else 0
        self.num_boxed = batch_size - others

    def batch(self, step: int) -> BoxBatch:
        """The batch of one step."""
        numbers = self.numbers(step)
        shown = [self._show(number, step, place) for place, number in enumerate(numbers)]
        rgb, jittered, known = (torch.from_numpy(np.stack([one[part] for one in shown])) for part in (0, 1, 2))
        nothing = torch.zeros((len(numbers), len(self._positions), 1, 1))
        flags = nothing[..., 0, 0].bool()
        return BoxBatch(
            rgb_BHWC=rgb,
            jittered_BHWC=jittered,
            targets_BChw=nothing,
            excluded_BChw=nothing.bool(),
            present_BC=flags,
            absent_BC=flags,
            plausible_BC=~flags,
            valid_Bhw=nothing[:, 0].bool(),
            items_Bhw=nothing[:, 0].long() - 1,
            is_full_B=flags[:, 0],
            boxes=(),
            progress=step / self.steps,
            num_boxed=self.num_boxed,
            true_boxes=tuple(torch.from_numpy(one[3]) for one in shown),
            true_labels=tuple(torch.from_numpy(one[4]) for one in shown),
            known_BK=known,
        )

    def numbers(self, step: int) -> list[int]:
        """Which images that batch shows, the boxed ones first."""
        count = self.boxes.num_boxed
        numbers = self._turn(step, 1, self.num_boxed, count)
        return numbers + [
            count + n for n in self._turn(step, 3, self.batch_size - self.num_boxed, len(self.boxes) - count)
        ]

    def _turn(self, step: int, stream: int, batch_size: int, count: int) -> list[int]:
        """Which of ``count`` images: a fresh shuffle each time all have been seen."""
        chosen = []
        for position in range(step * batch_size, (step + 1) * batch_size):
            epoch, place = divmod(position, count)
            chosen.append(int(np.random.default_rng([self.seed, stream, epoch]).permutation(count)[place]))
        return chosen

    def placed(self, number: int, step: int, place: int) -> tuple[np.random.Generator, Sample, View]:
        """An image, where it goes on the canvas at that place of that step, and the generator of all that follows."""
        rng = np.random.default_rng([self.seed, 2, step, place])
        sample = self.dataset.sample(number)
        height, width = sample.rgb.shape[:2]
        view = random_view(rng, (width, height), self.canvas, base_scale=sample.base_scale, scales=self.scales)
        return rng, sample, view

    def recolour(
        self, rng: np.random.Generator, rgb: npt.NDArray[np.uint8], *, is_boxed: bool
    ) -> npt.NDArray[np.uint8]:
        """What the network learns on: other colours, and patches erased where nobody drew boxes."""
        jittered = colour_jitter(rng, rgb)
        return jittered if is_boxed else erase(rng, jittered)

    def _show(self, number: int, step: int, place: int) -> tuple[npt.NDArray[np.generic], ...]:
        rng, sample, view = self.placed(number, step, place)
        rgb = view.warp_rgb(sample.rgb)
        is_boxed = number < self.boxes.num_boxed
        jittered = self.recolour(rng, rgb, is_boxed=is_boxed)
        boxes, labels = self._boxes_on(sample, view, sign=1 if is_boxed else -1)
        open_classes = self.boxes.open_classes(number)
        known = np.array([index not in open_classes for index in self.boxes.objects])
        return rgb, jittered, known, boxes, labels

    def _boxes_on(
        self, sample: Sample, view: View, *, sign: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Boxes of that sign on the canvas; those hardly on it are left out, those mostly cut off are `OPEN`."""
        chosen = [box for box in sample.boxes if box.sign == sign and box.class_index in self.boxes.objects]
        whole = torch.tensor([view.map_box(box.x0, box.y0, box.x1, box.y1) for box in chosen]).reshape(-1, 4)
        labels = torch.tensor([self.boxes.objects.index(box.class_index) for box in chosen], dtype=torch.int64)
        boxes, labels = on_canvas(whole, labels, (view.width, view.height))
        return boxes.numpy(), labels.numpy()


def erase(rng: np.random.Generator, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A copy with one to four patches of one random colour each, of at most a fifth of the sides."""
    height, width = rgb.shape[:2]
    erased = rgb.copy()
    for _ in range(int(rng.integers(1, _PATCHES + 1))):
        wide, high = (max(1, int(rng.uniform(0.05, _PATCH_SHARE) * side)) for side in (width, height))
        x, y = int(rng.integers(0, width - wide + 1)), int(rng.integers(0, height - high + 1))
        erased[y : y + high, x : x + wide] = rng.integers(0, 256, 3)
    return erased
