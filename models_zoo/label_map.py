"""Label maps: the index-PNG codec, counts, the palette and COCO run lengths.

A label map is uint8 HxW holding class indices 0-253 and 255 for *ignore*. Needs numpy and Pillow
only; pycocotools is imported when run lengths are asked for.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Collection, Sequence
from functools import cache
from typing import TypedDict

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage
from PIL import PngImagePlugin

from models_zoo.marks import IGNORE

LabelMap = npt.NDArray[np.uint8]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_DAMAGED = "The mask's PNG data is damaged or cut short; send it again."


class LabelMapError(ValueError):
    """A label map that cannot be used. ``code`` is stable, ``message`` tells a person what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Rle(TypedDict):
    """COCO's compressed run lengths: ``size`` is [height, width], ``counts`` is ASCII."""

    size: list[int]
    counts: str


def encode_png(label_map: LabelMap, palette: Sequence[tuple[int, int, int]] | None = None) -> bytes:
    """Write a label map as an 8-bit palette PNG; the same map and palette give the same bytes.

    ``palette`` colours the first indices; the VOC colours fill the rest. Raises LabelMapError for
    an array that is not uint8 HxW with at least one pixel.
    """
    if label_map.dtype != np.uint8 or label_map.ndim != 2 or label_map.size == 0:
        raise LabelMapError("shape", "A label map must be a non-empty uint8 array of height x width.")
    picture = PILImage.fromarray(np.ascontiguousarray(label_map), "L").copy()
    # All 256 colours, always: Pillow lowers the bit depth to what the palette needs, which would
    # cut off indices (255 among them) beyond a short one.
    colours = [*(palette or ())][:256]
    colours += voc_palette()[len(colours) :]
    picture.putpalette(bytes(channel for colour in colours for channel in colour))
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=6, optimize=False)
    return out.getvalue()


def decode_png(data: bytes, *, max_pixels: int = 100_000_000) -> LabelMap:
    """Read an index PNG (palette or grey, 1 to 8 bits) into uint8 HxW, values as stored.

    The header is checked before any pixel is decoded, so a small file that claims a huge image
    costs nothing. Raises LabelMapError.
    """
    bit_depth, colour_type = _check_header(data, max_pixels)
    try:
        # Opened by the plugin itself: Image.open would add a size limit of its own.
        with PngImagePlugin.PngImageFile(io.BytesIO(data)) as picture:
            if getattr(picture, "is_animated", False):
                raise LabelMapError("format", "The mask is an animated PNG; save it as a single picture.")
            picture.load()
            values = np.asarray(picture)
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error) as error:
        if isinstance(error, LabelMapError):
            raise
        raise LabelMapError("damaged", "The mask's PNG data is damaged or cut short; send it again.") from error
    values = values.astype(np.uint8)
    if colour_type == _GREY and bit_depth in (2, 4):
        # Pillow spreads shallow greys over 0-255; the file holds indices.
        values //= 255 // ((1 << bit_depth) - 1)
    return values


def _check_header(data: bytes, max_pixels: int) -> tuple[int, int]:
    """Bit depth and colour type of a PNG, after refusing what cannot be a label map."""
    if data[:8] != _SIGNATURE:
        raise LabelMapError("format", "The mask is not a PNG file; save it as an index PNG.")
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise LabelMapError("damaged", _DAMAGED)
    width, height, bit_depth, colour_type = struct.unpack(">IIBB", data[16:26])
    if colour_type not in (_GREY, _PALETTE) or bit_depth > 8:
        raise LabelMapError(
            "mode", "The mask must be an index PNG (palette or grey, at most 8 bits), not colour or 16 bits."
        )
    if width == 0 or height == 0:
        raise LabelMapError("shape", "The mask's PNG says it has no pixels.")
    if width * height > max_pixels:
        raise LabelMapError("too_large", f"The mask is {width} x {height}; at most {max_pixels} pixels are read.")
    return bit_depth, colour_type


def pixel_counts(label_map: LabelMap) -> dict[int, int]:
    """Pixels per value that occurs, IGNORE included, in rising order of value."""
    counts = np.bincount(label_map.ravel(), minlength=256)
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


def unknown_values(label_map: LabelMap, class_indices: Collection[int]) -> list[int]:
    """Values in the map that are neither a class of the project nor IGNORE."""
    return [value for value in pixel_counts(label_map) if value != IGNORE and value not in class_indices]


@cache
def voc_palette() -> tuple[tuple[int, int, int], ...]:
    """The 256 colours of PASCAL VOC: bits of the index dealt to red, green and blue, highest first."""
    return tuple(_voc_colour(index) for index in range(256))


def _voc_colour(index: int) -> tuple[int, int, int]:
    red = green = blue = 0
    for shift in range(7, -1, -1):
        red |= (index & 1) << shift
        green |= (index >> 1 & 1) << shift
        blue |= (index >> 2 & 1) << shift
        index >>= 3
    return red, green, blue


# --- COCO run lengths ---------------------------------------------------------------------------


def coco_rle(binary: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> Rle:
    """Compress a binary mask HxW (non-zero is inside) to COCO's run lengths."""
    from pycocotools import mask as coco_mask

    if binary.ndim != 2 or binary.size == 0:
        raise LabelMapError("shape", "Run lengths need a non-empty mask of height x width.")
    packed = coco_mask.encode(np.asfortranarray(binary != 0).view(np.uint8))
    height, width = binary.shape
    return {"size": [height, width], "counts": packed["counts"].decode("ascii")}


def rle_decode(rle: Rle) -> npt.NDArray[np.bool_]:
    """The bool HxW mask of trusted run lengths (pycocotools does not check hostile ones)."""
    from pycocotools import mask as coco_mask

    return np.asarray(coco_mask.decode(rle), np.bool_)


def rle_area(rle: Rle) -> int:
    """Pixels inside."""
    from pycocotools import mask as coco_mask

    return int(coco_mask.area(rle))


def rle_bbox(rle: Rle) -> list[float]:
    """Bounding box ``[x, y, width, height]`` as COCO writes it; zeros for an empty mask."""
    from pycocotools import mask as coco_mask

    return [float(value) for value in coco_mask.toBbox(rle)]
