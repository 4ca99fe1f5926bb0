"""The one decode of untrusted pictures: limits before pixels, upright 8-bit RGB out, everything else left behind.

Rules, in order:

* The format is what the decoder recognises (JPEG, PNG, WebP, TIFF, BMP), never what the name says.
* Bytes and pixels are held against MAX_IMAGE_BYTES and MAX_IMAGE_PIXELS before any pixel is decoded. Above that many
  pixels `streaming` may read the picture strip by strip, up to MAX_STREAMED_PIXELS.
* Of a file with several pictures the first is taken, and the note says so.
* The EXIF orientation is applied. Colour profiles, EXIF and all other data are dropped; the original keeps them.
* Transparent pictures are laid on white; CMYK, palette and grey become RGB.
* Deep grey (16 and 32 bits, floating point) whose values do not all fit in 0-255 is stretched linearly, its
  smallest value to 0 and its largest to 255; not-a-number counts as the smallest. Sixteen-bit colour keeps its
  high byte.
* A picture longer than MASK_SIDE is reduced by the smallest whole factor that makes it fit; people mark, and
  training reads, the reduced one. Above TILED_SIDE a pyramid of tiles shows it at full size.
* The display file is PNG where the source is lossless and at most LOSSLESS_PIXELS large, else JPEG of quality 92
  without colour subsampling. Training reads the same file as the browser shows.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from django.conf import settings
from PIL import Image as PILImage
from PIL import UnidentifiedImageError

from labeling.errors import Cancelled, Invalid
from labeling.tilefile import TILED_SIDE
from labeling.transfer import pyramid, streaming
from labeling.transfer.pixels import to_rgb, upright

logger = logging.getLogger(__name__)

FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
LOSSLESS_PIXELS: Final = 4096 * 4096
THUMB_PX: Final = 256  # longer side
JPEG_QUALITY: Final = 92
_JPEG_MAX_SIDE: Final = 65_500
# `_check_size` decides, before a pixel is decoded; Pillow's own guard stands behind it.
PILImage.MAX_IMAGE_PIXELS = max(settings.MAX_IMAGE_PIXELS, settings.MAX_STREAMED_PIXELS)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Bytes of a picture file and the ending of its name."""

    data: bytes
    suffix: str


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """A pyramid in a scratch file, and the ending of its blob's name."""

    path: Path
    suffix: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture. Its `note` tells what was left out, if anything.

    `width` and `height` are those of `display`; `full_size` is the (width, height) of the picture that was sent,
    `mask_scale` the factor between them.
    """

    width: int
    height: int
    full_size: tuple[int, int]
    mask_scale: int
    format: str
    suffix: str  # of the original
    display: Encoded
    thumb: Encoded
    tiles: Tiles | None
    note: str


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A picture that was opened: rows on demand, or all of it in `whole`."""

    size: tuple[int, int]
    format: str
    is_lossless: bool
    note: str
    whole: PILImage.Image | None
    strips: Callable[[], Iterator[PILImage.Image]]


def decode(path: Path, *, scratch: Path, may_stream: bool = True, check: Callable[[], None] = lambda: None) -> Picture:
    """Decode an untrusted file. Raises Invalid with code `too_large`, `bad_image` or `unsupported_image`.

    `scratch` is an empty folder of the caller's, where the tiles of a large picture lie afterwards. Reading strip
    by strip takes its time: without `may_stream` it is refused. `check` is called now and then and may raise.
    """
    size = path.stat().st_size
    if size > settings.MAX_IMAGE_BYTES:
        raise Invalid(f"The file has {size:,} bytes; at most {settings.MAX_IMAGE_BYTES:,} are read.", code="too_large")
    return _made(_opened(path, scratch, may_stream, check), scratch, check)


def tile_display(path: Path, *, scratch: Path) -> Tiles:
    """The tiles of a display file of ours that is at its picture's full size, made in the empty folder `scratch`.

    Raises Invalid `bad_image` if the file is damaged.
    """
    try:
        with PILImage.open(path, formats=FORMATS) as opened:
            rgb = opened.convert("RGB")
            kind = str(opened.format)
    except (OSError, ValueError) as error:
        raise Invalid("The picture is damaged or cut short; it cannot be decoded.", code="bad_image") from error
    source = _Source(
        size=rgb.size,
        format=kind,
        is_lossless=kind == "PNG",
        note="",
        whole=rgb,
        strips=lambda: pyramid.strips_of(rgb),
    )
    return _tiled(source, 1, scratch, lambda: None)[1]


def _opened(path: Path, scratch: Path, may_stream: bool, check: Callable[[], None]) -> _Source:
    with path.open("rb") as stream:
        try:
            return _source(path, stream, scratch, may_stream, check)
        except (Invalid, Cancelled):
            raise
        except (PILImage.DecompressionBombError, MemoryError) as error:
            raise _too_many_pixels() from error
        except UnidentifiedImageError as error:
            raise Invalid(_unrecognised(path), code="unsupported_image") from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's trouble; Pillow's own has no number
            # Decoders meet hostile bytes with exceptions of every kind; whichever it is, the file is at fault.
            logger.info("a picture could not be decoded: %s: %s", type(error).__name__, error)
            raise Invalid("The picture is damaged or cut short; it cannot be decoded.", code="bad_image") from error


def _source(path: Path, stream: BinaryIO, scratch: Path, may_stream: bool, check: Callable[[], None]) -> _Source:
    with PILImage.open(stream, formats=FORMATS) as opened:
        is_streamed = _check_size(opened.size, may_stream)
        format_name = "JPEG" if opened.format == "MPO" else str(opened.format)
        has_more = opened.format != "MPO" and bool(getattr(opened, "is_animated", False))
        note = "Only the first of the pictures in the file was taken." if has_more else ""
        if is_streamed:
            streamed = streaming.Streamed(path, opened, scratch=scratch, check=check)
            whole, size, strips = None, streamed.size, streamed.strips
        else:
            opened.load()
            rgb = to_rgb(upright(opened))
            rgb.info = {}
            whole, size, strips = rgb, rgb.size, lambda: pyramid.strips_of(rgb)
    is_lossless = _is_lossless(format_name, stream)
    return _Source(size=size, format=format_name, is_lossless=is_lossless, note=note, whole=whole, strips=strips)


def _made(source: _Source, scratch: Path, check: Callable[[], None]) -> Picture:
    """Everything that is kept of a picture."""
    longest = max(source.size)
    factor = -(-longest // settings.MASK_SIDE)
    shown, tiles = source.whole, None
    if shown is None or factor > 1 or longest > TILED_SIDE:
        shown, tiles = _tiled(source, factor, scratch, check)
    return Picture(
        width=shown.width,
        height=shown.height,
        full_size=source.size,
        mask_scale=factor,
        format=source.format,
        suffix={"JPEG": "jpg", "TIFF": "tif"}.get(source.format, source.format.lower()),
        display=_display(shown, is_lossless=source.is_lossless),
        thumb=_thumb(shown),
        tiles=tiles,
        note=source.note,
    )


def _tiled(source: _Source, factor: int, scratch: Path, check: Callable[[], None]) -> tuple[PILImage.Image, Tiles]:
    """The picture reduced by the whole factor, and its tiles at full size."""
    suffix = "png" if _stays_lossless(source.size, source.is_lossless) else "jpg"
    tiles = Tiles(path=scratch / "tiles", suffix=f"{suffix}.tiles")
    with tiles.path.open("wb") as out:
        shown = pyramid.build(source.strips(), size=source.size, factor=factor, suffix=suffix, out=out, check=check)
    return shown, tiles


def _check_size(size: tuple[int, int], may_stream: bool) -> bool:
    """Whether the picture has to be read strip by strip; refuses what is too large even for that."""
    width, height = size
    if width < 1 or height < 1:
        raise Invalid("The picture has no pixels.", code="bad_image")
    if width * height <= settings.MAX_IMAGE_PIXELS:
        return False
    largest = max(settings.MAX_IMAGE_PIXELS, settings.MAX_STREAMED_PIXELS)
    if width * height > largest:
        raise _too_many_pixels(f"The picture is {width} x {height} pixels", largest)
    if not streaming.is_available():
        raise _too_many_pixels(
            f"The picture is {width} x {height} pixels",
            hint=f" An administrator can raise that to {largest:,}: pip install 'burnish[large]'.",
        )
    if not may_stream:
        raise _too_many_pixels(
            f"The picture is {width} x {height} pixels", hint=f" The import page takes up to {largest:,}."
        )
    return True


def _too_many_pixels(what: str = "The picture is too large", limit: int = 0, hint: str = "") -> Invalid:
    limit = limit or settings.MAX_IMAGE_PIXELS
    return Invalid(f"{what}; at most {limit:,} pixels are read.{hint}", code="too_large")


def _unrecognised(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(512).lstrip().lower()
    what = "an SVG drawing" if b"<svg" in start else "not a picture that is read here"
    return f"The file is {what}; send JPEG, PNG, WebP, TIFF or BMP."


def _is_lossless(format_name: str, stream: BinaryIO) -> bool:
    if format_name == "WEBP":
        stream.seek(12)
        return stream.read(4) == b"VP8L"
    return format_name in {"PNG", "BMP", "TIFF"}


def _stays_lossless(size: tuple[int, int], is_lossless: bool) -> bool:
    return is_lossless and size[0] * size[1] <= LOSSLESS_PIXELS


def _display(rgb: PILImage.Image, *, is_lossless: bool) -> Encoded:
    out = io.BytesIO()
    if _stays_lossless(rgb.size, is_lossless) or max(rgb.size) > _JPEG_MAX_SIDE:
        rgb.save(out, "PNG", compress_level=4)
        return Encoded(data=out.getvalue(), suffix="png")
    rgb.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return Encoded(data=out.getvalue(), suffix="jpg")


def _thumb(rgb: PILImage.Image) -> Encoded:
    scale = min(1.0, THUMB_PX / max(rgb.size))
    size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
    out = io.BytesIO()
    rgb.resize(size, PILImage.Resampling.LANCZOS, reducing_gap=2.0).save(out, "JPEG", quality=82)
    return Encoded(data=out.getvalue(), suffix="jpg")
