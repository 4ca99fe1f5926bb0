"""Small pictures of one class of one mask, cut out of the image around it, with the class's outline drawn."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from models_zoo import decode_png

# Part of every crop's address: raise it when the drawing changes, or browsers keep the old pictures.
LOOK = 1
SIDE = 240  # px, the longer side of a crop
MOST_ENLARGED = 6  # a region of a few pixels is not blown up to a blur
_MARGIN = 0.2  # of the region's longer side, on each side
_LEAST_MARGIN = 6  # mask pixels
_QUALITY = 85
_OUTLINE = 2  # px, of the light line inside; the dark one outside is as wide

Box = tuple[int, int, int, int]
Bits = npt.NDArray[np.bool_]


def region_box(region: Bits) -> Box | None:
    """Bounding box (x0, y0, x1, y1), half-open, of a bool (H, W) region; None for an empty one."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if rows.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def with_margin(box: Box, *, width: int, height: int) -> Box:
    """The box with some of what is around it, inside a picture of that size."""
    x0, y0, x1, y1 = box
    margin = max(_LEAST_MARGIN, round(_MARGIN * max(x1 - x0, y1 - y0)))
    return max(0, x0 - margin), max(0, y0 - margin), min(width, x1 + margin), min(height, y1 + margin)


def draw_crop(*, picture: bytes, mask_png: bytes, class_index: int) -> bytes | None:
    """JPEG bytes of the class's surroundings, its outline light inside and dark outside; None if the mask lacks it.

    The picture may be of another size than the mask: the mask's grid is laid over the whole of it. Large JPEGs
    are decoded no finer than the crop needs.
    """
    region = decode_png(mask_png) == class_index
    height, width = region.shape
    tight = region_box(region)
    if tight is None:
        return None
    x0, y0, x1, y1 = with_margin(tight, width=width, height=height)
    scale = min(SIDE / max(x1 - x0, y1 - y0), MOST_ENLARGED)
    size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    inside = PILImage.fromarray(region[y0:y1, x0:x1]).resize(size, PILImage.Resampling.NEAREST)
    with PILImage.open(io.BytesIO(picture)) as opened:
        opened.draft("RGB", (round(width * scale), round(height * scale)))  # JPEG only; others are read whole
        across, down = opened.width / width, opened.height / height
        box = (x0 * across, y0 * down, x1 * across, y1 * down)
        crop = opened.convert("RGB").resize(size, PILImage.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    out = io.BytesIO()
    PILImage.fromarray(_outlined(np.asarray(crop), np.asarray(inside, np.bool_))).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _outlined(rgb: npt.NDArray[np.uint8], inside: Bits) -> npt.NDArray[np.uint8]:
    """A copy of (H, W, 3) with the region's border drawn; light beside dark is seen on every picture."""
    drawn = rgb.copy()
    drawn[_grown(inside) & ~inside] = 0
    drawn[_grown(~inside) & inside] = 255
    return drawn


def _grown(region: Bits) -> Bits:
    """The region and what is within the outline's width of it (a square neighbourhood)."""
    grown = region.copy()
    for _ in range(_OUTLINE):
        step = grown.copy()
        step[1:] |= grown[:-1]
        step[:-1] |= grown[1:]
        grown = step.copy()
        grown[:, 1:] |= step[:, :-1]
        grown[:, :-1] |= step[:, 1:]
    return grown
