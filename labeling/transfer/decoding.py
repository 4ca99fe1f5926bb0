"""The one decode of untrusted pictures: limits before pixels, upright 8-bit RGB out, everything else left behind.

Rules, in order:

* The format is what the decoder recognises (JPEG, PNG, WebP, TIFF, BMP), never what the name says.
* Bytes and pixels are held against MAX_IMAGE_BYTES and MAX_IMAGE_PIXELS before any pixel is decoded.
* Of a file with several pictures the first is taken, and the note says so.
* The EXIF orientation is applied. Colour profiles, EXIF and all other data are dropped; the original keeps them.
* Transparent pictures are laid on white; CMYK, palette and grey become RGB.
* Deep grey (16 and 32 bits, floating point) whose values do not all fit in 0-255 is stretched linearly, its
  smallest value to 0 and its largest to 255; not-a-number counts as the smallest. Sixteen-bit colour keeps its
  high byte.
* The display file is PNG where the source is lossless and at most LOSSLESS_PIXELS large, else JPEG of quality 92
  without colour subsampling. Training reads the same file as the browser shows.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
from django.conf import settings
from PIL import Image as PILImage
from PIL import UnidentifiedImageError

from labeling.errors import Invalid

logger = logging.getLogger(__name__)

FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
LOSSLESS_PIXELS: Final = 4096 * 4096
THUMB_PX: Final = 256  # longer side
JPEG_QUALITY: Final = 92
_JPEG_MAX_SIDE: Final = 65_500
_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
    2: PILImage.Transpose.FLIP_LEFT_RIGHT,
    3: PILImage.Transpose.ROTATE_180,
    4: PILImage.Transpose.FLIP_TOP_BOTTOM,
    5: PILImage.Transpose.TRANSPOSE,
    6: PILImage.Transpose.ROTATE_270,
    7: PILImage.Transpose.TRANSVERSE,
    8: PILImage.Transpose.ROTATE_90,
}
# Pillow's own guard only warns between its limit and twice that, so `_check_size` decides; above, it raises.
PILImage.MAX_IMAGE_PIXELS = settings.MAX_IMAGE_PIXELS


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Bytes of a picture file and the ending of its name."""

    data: bytes
    suffix: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture: width and height in pixels of `display`; `note` tells what was left out, if anything."""

    width: int
    height: int
    format: str
    suffix: str  # of the original
    display: Encoded
    thumb: Encoded
    note: str


def decode(path: Path) -> Picture:
    """Decode an untrusted file. Raises Invalid with code `too_large`, `bad_image` or `unsupported_image`."""
    size = path.stat().st_size
    if size > settings.MAX_IMAGE_BYTES:
        raise Invalid(f"The file has {size:,} bytes; at most {settings.MAX_IMAGE_BYTES:,} are read.", code="too_large")
    with path.open("rb") as stream:
        try:
            return _decode(stream)
        except Invalid:
            raise
        except (PILImage.DecompressionBombError, MemoryError) as error:
            raise _too_many_pixels() from error
        except UnidentifiedImageError as error:
            raise Invalid(_unrecognised(path), code="unsupported_image") from error
        except Exception as error:
            # Decoders meet hostile bytes with exceptions of every kind; whichever it is, the file is at fault.
            logger.info("a picture could not be decoded: %s: %s", type(error).__name__, error)
            raise Invalid("The picture is damaged or cut short; it cannot be decoded.", code="bad_image") from error


def _decode(stream: BinaryIO) -> Picture:
    with PILImage.open(stream, formats=FORMATS) as opened:
        _check_size(opened.size)
        format_name = "JPEG" if opened.format == "MPO" else str(opened.format)
        has_more = opened.format != "MPO" and bool(getattr(opened, "is_animated", False))
        opened.load()
        rgb = _to_rgb(_upright(opened))
    rgb.info = {}
    return Picture(
        width=rgb.width,
        height=rgb.height,
        format=format_name,
        suffix={"JPEG": "jpg", "TIFF": "tif"}.get(format_name, format_name.lower()),
        display=_display(rgb, is_lossless=_is_lossless(format_name, stream)),
        thumb=_thumb(rgb),
        note="Only the first of the pictures in the file was taken." if has_more else "",
    )


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise Invalid("The picture has no pixels.", code="bad_image")
    if width * height > settings.MAX_IMAGE_PIXELS:
        raise _too_many_pixels(f"The picture is {width} x {height} pixels")


def _too_many_pixels(what: str = "The picture is too large") -> Invalid:
    return Invalid(f"{what}; at most {settings.MAX_IMAGE_PIXELS:,} pixels are read.", code="too_large")


def _unrecognised(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(512).lstrip().lower()
    what = "an SVG drawing" if b"<svg" in start else "not a picture that is read here"
    return f"The file is {what}; send JPEG, PNG, WebP, TIFF or BMP."


def _upright(picture: PILImage.Image) -> PILImage.Image:
    """Apply the EXIF orientation; TIFF was turned on loading, and unreadable EXIF turns nothing."""
    if picture.format == "TIFF":
        return picture
    try:
        turn = _TURNS.get(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception as error:
        logger.info("EXIF data could not be read and was ignored: %s", error)
        return picture
    return picture if turn is None else picture.transpose(turn)


def _to_rgb(picture: PILImage.Image) -> PILImage.Image:
    """8-bit RGB by the rules above."""
    mode = picture.mode
    if mode == "I" or mode == "F" or mode.startswith("I;16"):
        return PILImage.fromarray(_stretched(np.asarray(picture))).convert("RGB")
    if mode in {"LA", "La", "RGBA", "RGBa", "PA"} or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        paper = PILImage.new("RGBA", layer.size, (255, 255, 255, 255))
        return PILImage.alpha_composite(paper, layer).convert("RGB")
    return picture.convert("RGB")


def _stretched(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Deep grey (H, W) as uint8; see the module's rules. Works row block by row block to save memory."""
    floats = values.dtype.kind == "f"
    finite = values[np.isfinite(values)] if floats else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    fits = not floats and low >= 0 and high <= 255
    out = np.empty(values.shape, np.uint8)
    for start in range(0, values.shape[0], 512):
        block = values[start : start + 512].astype(np.float64)
        if not fits:
            block = np.nan_to_num(block, nan=low, posinf=high, neginf=low)
            block = (block - low) * (255 / (high - low) if high > low else 0.0)
        out[start : start + 512] = np.rint(block)
    return out


def _is_lossless(format_name: str, stream: BinaryIO) -> bool:
    if format_name == "WEBP":
        stream.seek(12)
        return stream.read(4) == b"VP8L"
    return format_name in {"PNG", "BMP", "TIFF"}


def _display(rgb: PILImage.Image, *, is_lossless: bool) -> Encoded:
    too_long = max(rgb.size) > _JPEG_MAX_SIDE
    out = io.BytesIO()
    if too_long or (is_lossless and rgb.width * rgb.height <= LOSSLESS_PIXELS):
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
