"""Pictures too large for memory, read strip by strip with libvips (the optional package `pyvips`).

Only what can be read so without holding the picture is taken: JPEG, PNG and TIFF, and of those neither progressive
JPEG nor interlaced PNG, whose first row is known only when the last byte is. Pixels become RGB by the rules of
`decoding`. A picture that has to be turned is laid into a scratch file first.
"""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from labeling.errors import Invalid
from labeling.transfer.pixels import Stretch, orientation, to_rgb
from labeling.transfer.pyramid import STRIP

logger = logging.getLogger(__name__)

# Rows of this many pixels, a few strips of them, are what memory has to hold.
MOST_ACROSS: Final = 100_000
_LOADERS: Final = {"JPEG": "jpegload", "PNG": "pngload", "TIFF": "tiffload"}
_KINDS: Final = {"srgb", "rgb", "rgb16", "b-w", "grey16", "multiband"}
_TYPES: Final = {"uchar": np.uint8, "ushort": np.uint16}
_GREY_TYPES: Final = _TYPES | {
    "char": np.int8,
    "short": np.int16,
    "uint": np.uint32,
    "int": np.int32,
    "float": np.float32,
    "double": np.float64,
}
_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_MOST_CELL: Final = 2**25  # pixels of a TIFF's tile, which is decoded as a whole
_TILE_TAGS: Final = (322, 323)


def is_available() -> bool:
    """Whether libvips is installed."""
    return find_spec("pyvips") is not None


class Streamed:
    """An untrusted picture on disk: upright `size` (width, height), and its rows as often as they are asked for.

    `header` is the file as Pillow opened it, nothing decoded. Raises Invalid: `unsupported_image`, `too_large` or
    `bad_image`, the last also while rows are read.
    """

    def __init__(self, path: Path, header: PILImage.Image, *, scratch: Path, check: Callable[[], None]) -> None:
        self._path = path
        self._format = "JPEG" if header.format == "MPO" else str(header.format)
        self._check = check
        self._turn = orientation(header)
        self._turned: Path | None = None
        _refuse_what_cannot_be_streamed(self._format, header, path)
        first = self._open()
        self._bands, self._type = first.bands, first.format
        _refuse_strange_pixels(first)
        across, down = first.width, first.height
        self.size = (down, across) if self._turn >= 5 else (across, down)
        if max(self.size) > MOST_ACROSS:
            raise Invalid(
                f"The picture is {across} x {down} pixels; a side may have at most {MOST_ACROSS:,}.", code="too_large"
            )
        if self._turn != 1:
            self._turned = self._laid_out(first, scratch / "turned.v")
        # Grey of 8 bits is as it is shown.
        deep = self._bands == 1 and self._type != "uchar"
        self._stretch = Stretch.over(self._values()) if deep else None

    def strips(self) -> Iterator[PILImage.Image]:
        """All rows from top to bottom, RGB, STRIP at a time."""
        for values in self._values():
            yield self._rgb(values)

    def _rgb(self, values: npt.NDArray[np.generic]) -> PILImage.Image:
        if self._stretch is not None:
            return to_rgb(PILImage.fromarray(self._stretch.apply(values[..., 0])))
        if values.dtype == np.uint16:
            values = (values >> 8).astype(np.uint8)  # type: ignore[operator]
        mode = _MODES[self._bands]
        flat = values[..., 0] if self._bands == 1 else values
        return to_rgb(PILImage.fromarray(np.ascontiguousarray(flat), mode))

    def _values(self) -> Iterator[npt.NDArray[np.generic]]:
        """Strips as they are stored, (rows, width, bands)."""
        import pyvips

        image = self._open()
        dtype = _GREY_TYPES[self._type]
        try:
            # In one thread and in order; crops are worked out by several, some of which ask for rows already gone.
            region = pyvips.Region.new(image)
            for top in range(0, image.height, STRIP):
                self._check()
                rows = min(STRIP, image.height - top)
                data = region.fetch(0, top, image.width, rows)
                yield np.frombuffer(data, dtype).reshape(rows, image.width, self._bands)
        except pyvips.Error as error:
            raise _damaged(error) from error

    def _open(self) -> Any:
        """The picture, upright once it is laid out."""
        import pyvips

        # What was computed before is not needed again, and would keep files open.
        pyvips.cache_set_max(0)
        try:
            if self._turned is not None:
                return _turned(pyvips.Image.vipsload(str(self._turned)), self._turn)
            load = getattr(pyvips.Image, _LOADERS[self._format])
            return load(str(self._path), access="sequential", fail_on="truncated")
        except pyvips.Error as error:
            raise _damaged(error) from error

    def _laid_out(self, image: Any, path: Path) -> Path:
        """Write the pixels to a scratch file in which rows can be read in any order."""
        import pyvips

        size = image.width * image.height * self._bands * np.dtype(_GREY_TYPES[self._type]).itemsize
        if shutil.disk_usage(path.parent).free < size + 2**28:
            raise OSError(errno.ENOSPC, "no room to turn the picture", str(path))
        try:
            image.vipssave(str(path))
        except pyvips.Error as error:
            raise _damaged(error) from error
        return path


def _turned(image: Any, turn: int) -> Any:
    """Upright by the EXIF orientation, as Pillow's transpositions have it."""
    if turn in {5, 6, 7}:
        image = image.rot90()
    if turn == 8:
        image = image.rot270()
    if turn == 3:
        image = image.rot180()
    if turn in {2, 5}:
        image = image.fliphor()
    if turn in {4, 7}:
        image = image.flipver()
    return image


def _damaged(error: Exception) -> Invalid:
    logger.info("a picture could not be read strip by strip: %s", error)
    return Invalid("The picture is damaged or cut short; it cannot be decoded.", code="bad_image")


def _refuse_what_cannot_be_streamed(format_name: str, header: PILImage.Image, path: Path) -> None:
    if format_name not in _LOADERS:
        raise _unsupported(f"a {format_name} file of this size cannot be read piece by piece; save it as TIFF or JPEG")
    if format_name == "PNG" and header.info.get("interlace"):
        raise _unsupported("an interlaced PNG of this size cannot be read; save it without interlacing")
    if format_name == "JPEG":
        with path.open("rb") as stream:
            if not _is_one_scan(stream):
                raise _unsupported("a progressive JPEG of this size cannot be read; save it as a baseline JPEG")
    if format_name == "TIFF":
        tags = getattr(header, "tag_v2", {})
        across, down = (int(tags.get(tag, 1)) for tag in _TILE_TAGS)
        if across * down > _MOST_CELL:
            raise _unsupported(f"the TIFF has tiles of {across} x {down} pixels; save it with tiles of 256 or 512")


def _refuse_strange_pixels(image: Any) -> None:
    kind, bands, number = str(image.interpretation), int(image.bands), str(image.format)
    known = number in (_GREY_TYPES if bands == 1 else _TYPES) and bands in _MODES
    if kind not in _KINDS or not known:
        raise _unsupported(f"pixels of the kind {kind}, {bands} x {number}, are not read at this size; save it as RGB")


def _unsupported(why: str) -> Invalid:
    return Invalid(f"The picture is too large to be held in memory, and {why}.", code="unsupported_image")


def _is_one_scan(stream: BinaryIO) -> bool:
    """Whether a JPEG is sequential with all its colours in one scan: then the decoder holds a few rows only."""
    components = 0
    stream.seek(2)
    while True:
        mark = stream.read(2)
        if len(mark) < 2 or mark[0] != 0xFF:
            return False
        if mark[1] == 0xFF:  # fill byte before a marker
            stream.seek(-1, 1)
            continue
        length = int.from_bytes(stream.read(2), "big")
        if mark[1] == 0xDA:
            return components > 0 and stream.read(1) == bytes([components])
        body = stream.read(max(0, length - 2))
        if 0xC0 <= mark[1] <= 0xCF and mark[1] not in {0xC4, 0xC8, 0xCC}:
            if mark[1] not in {0xC0, 0xC1} or len(body) < 6:
                return False
            components = body[5]
