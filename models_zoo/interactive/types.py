"""What every interactive segmenter takes and gives, and how to get one by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from models_zoo.features import DenseFeatures
from models_zoo.info import UnknownMethod
from models_zoo.interactive.prior import ClassPrior
from models_zoo.label_map import LabelMap
from models_zoo.marks import MAX_CLASS_INDEX, Mark
from models_zoo.registry import list_interactive, load_entry


@dataclass(frozen=True, kw_only=True)
class ImageContext:
    """One image as a segmenter needs it.

    ``rgb`` is uint8 (H, W, 3). ``features`` may be of any size. ``prior`` is what the project's
    model thinks of the image; classes in it that are not among ``class_indices`` are passed over.
    ``background`` is the index of the project's background class, if it has one.
    """

    rgb: npt.NDArray[np.uint8]
    class_indices: tuple[int, ...]
    background: int | None = None
    features: DenseFeatures | None = None
    prior: ClassPrior | None = None

    def __post_init__(self) -> None:
        """Refuse what no segmenter can use. Raises ValueError."""
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.size == 0:
            raise ValueError("rgb must be a non-empty uint8 array (H, W, 3)")
        if any(not 0 <= index <= MAX_CLASS_INDEX for index in self.class_indices):
            raise ValueError("class indices must lie in 0..253")
        if len(set(self.class_indices)) != len(self.class_indices):
            raise ValueError("class indices must not repeat")


@dataclass(frozen=True)
class InteractiveResult:
    """A proposal for the image.

    ``label_map`` uint8 (H, W): classes, IGNORE where nothing is proposed. ``confidence`` uint8
    (H, W): 255 where a person marked the pixel, else the lead of the best class over the second.
    ``scores`` float16 (C, h, w): probabilities at the working size, in the order of ``classes``.
    """

    label_map: LabelMap
    confidence: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float16]
    classes: tuple[int, ...]


class InteractiveSegmenter(Protocol):
    """Slow once per image, fast once per mark; the same input gives the same answer."""

    def set_image(self, image: ImageContext) -> None:
        """Prepare an image; everything that does not depend on marks belongs here."""

    def segment(
        self, marks: Sequence[Mark], *, allowed: Collection[int], previous: LabelMap | None = None
    ) -> InteractiveResult:
        """Propose a mask from all marks on the image.

        Only classes in ``allowed`` and not tagged absent appear; marked pixels keep their class.
        ``previous`` is the last proposal, for methods that improve on it. Raises RuntimeError
        before `set_image`, MarkError for marks that are not numbers.
        """


class SegmenterFileError(ValueError):
    """A file that a segmenter is built from is missing or cannot be used; the message says what to do."""


NO_FILES: Mapping[str, Path] = MappingProxyType({})


def create_segmenter(name: str, files: Mapping[str, Path] = NO_FILES) -> InteractiveSegmenter:
    """A new segmenter of the registered name, built from ``files``, by the names its info gives.

    Raises UnknownMethod listing the known ones, and SegmenterFileError for a missing, superfluous or unfit file.
    """
    for info in list_interactive():
        if info.name == name:
            missing, unknown = set(info.files) - set(files), set(files) - set(info.files)
            if missing:
                raise SegmenterFileError(f"{info.title} needs a file that was not given: {', '.join(sorted(missing))}.")
            if unknown:
                raise SegmenterFileError(f"{info.title} has no use for the file {', '.join(sorted(unknown))}.")
            return cast(InteractiveSegmenter, load_entry(info.entry)(**files))
    known = ", ".join(info.name for info in list_interactive())
    raise UnknownMethod(f"no interactive segmenter named {name!r}; there are: {known}")
