"""The formats: one line each. A format is a class that is told of each image and then finishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeling.errors import Invalid
from labeling.exporters.archive import Archive
from labeling.exporters.coco import CocoWriter
from labeling.exporters.dataset import DatasetHeader, FrozenImage
from labeling.exporters.masks import MaskWriter


class Writer(Protocol):
    """Writes one data set. Pictures themselves are added by the caller."""

    def __init__(self, archive: Archive, header: DatasetHeader, *, scratch: Path, with_images: bool) -> None: ...

    def add(self, image: FrozenImage, label_map: npt.NDArray[np.uint8]) -> None:
        """Take one image; `label_map` is uint8 (H, W), 255 is ignore."""
        ...

    def finish(self) -> None:
        """Write what can only be written when all images are known."""
        ...


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """What people are told of a format, and what writes it."""

    name: str
    title: str
    description: str
    writer: type[Writer]


_FORMATS: Final = (
    ExportFormat(
        name="coco",
        title=gettext_noop("COCO"),
        description=gettext_noop("annotations.json with one compressed run-length mask for each class of an image."),
        writer=CocoWriter,
    ),
    ExportFormat(
        name="masks",
        title=gettext_noop("Index PNG masks"),
        description=gettext_noop(
            "masks/*.png with class indexes as in PASCAL VOC, classes.json and lists of the splits."
        ),
        writer=MaskWriter,
    ),
)
FORMATS: Final[Mapping[str, ExportFormat]] = {item.name: item for item in _FORMATS}


def get_format(name: str) -> ExportFormat:
    """The format of that name. Raises Invalid (`unknown_format`)."""
    found = FORMATS.get(name)
    if found is None:
        raise Invalid(
            _("There is no such format; choose one of %(formats)s.") % {"formats": ", ".join(FORMATS)},
            code="unknown_format",
        )
    return found
