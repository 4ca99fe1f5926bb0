"""A frozen data set: which images with which masks leave, as it was at the click. Plain data, no rows.

The file is JSON lines: a header (project and classes), then one image a line, by id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from labeling.exporters.archive import dump

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class FrozenClass:
    """One label class: index, name, colour such as "#1b9e77"."""

    index: int
    name: str
    color: str
    is_background: bool
    is_retired: bool

    @property
    def rgb(self) -> tuple[int, int, int]:
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


@dataclass(frozen=True, kw_only=True)
class FrozenImage:
    """One image with its accepted mask. `file`, `tiles`, `mask_blob` and `provenance` name blobs.

    `width` and `height` are the mask's. Where `mask_scale` is above 1 the picture is larger by that factor, as
    `full_width` and `full_height` say, and leaves at that size.
    `export_stem` is a relative path, once per data set whatever the letter case, from which formats make file names.
    """

    id: int
    name: str
    export_stem: str
    sha256: str
    width: int
    height: int
    split: str
    file: str
    mask_sha256: str
    mask_blob: str
    mask_origin: str
    mask_by: str | None
    method: str
    model_version: int | None
    provenance: str
    pixel_counts: Mapping[str, int]
    mask_scale: int = 1
    full_width: int | None = None
    full_height: int | None = None
    tiles: str = ""

    @property
    def full_size(self) -> tuple[int, int]:
        """Width and height of the picture, at which it and its mask leave."""
        return self.full_width or self.width, self.full_height or self.height

    @property
    def export_picture(self) -> str:
        """Name of the picture in an archive."""
        suffix = self.file.rpartition(".")[2] if self.mask_scale == 1 else "png"
        return f"images/{self.export_stem}.{suffix}"


@dataclass(frozen=True, kw_only=True)
class DatasetHeader:
    """What holds for all images."""

    project: str
    slug: str
    classes: tuple[FrozenClass, ...]


class Dataset:
    """A frozen data set in a local file, read line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open(encoding="utf-8") as stream:
            head: dict[str, Any] = json.loads(stream.readline())
        if head.get("format") != FORMAT:
            raise ValueError(f"this frozen data set has format {head.get('format')}, not {FORMAT}")
        self.header = DatasetHeader(
            project=head["project"],
            slug=head["slug"],
            classes=tuple(FrozenClass(**item) for item in head["classes"]),
        )

    def images(self) -> Iterator[FrozenImage]:
        """All images, by id."""
        with self._path.open(encoding="utf-8") as stream:
            next(stream)
            for line in stream:
                yield FrozenImage(**json.loads(line))


def header_line(header: DatasetHeader) -> str:
    """The first line of the file."""
    return dump({"format": FORMAT, **asdict(header)}) + "\n"


def image_line(image: FrozenImage) -> str:
    """An image's line of the file."""
    return dump({field.name: getattr(image, field.name) for field in fields(image)}) + "\n"
