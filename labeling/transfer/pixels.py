"""Pixels of whatever kind brought to upright 8-bit RGB: the rules of `decoding`, for whole pictures and strips."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

logger = logging.getLogger(__name__)

ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
    2: PILImage.Transpose.FLIP_LEFT_RIGHT,
    3: PILImage.Transpose.ROTATE_180,
    4: PILImage.Transpose.FLIP_TOP_BOTTOM,
    5: PILImage.Transpose.TRANSPOSE,
    6: PILImage.Transpose.ROTATE_270,
    7: PILImage.Transpose.TRANSVERSE,
    8: PILImage.Transpose.ROTATE_90,
}


def orientation(picture: PILImage.Image) -> int:
    """The EXIF orientation, 1 to 8; unreadable EXIF turns nothing."""
    try:
        value = picture.getexif().get(ORIENTATION_TAG, 1)
    except Exception as error:
        logger.info("EXIF data could not be read and was ignored: %s", error)
        return 1
    return value if value in _TURNS else 1


def upright(picture: PILImage.Image) -> PILImage.Image:
    """Apply the EXIF orientation; TIFF was turned on loading."""
    turn = None if picture.format == "TIFF" else _TURNS.get(orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def to_rgb(picture: PILImage.Image) -> PILImage.Image:
    """8-bit RGB."""
    mode = picture.mode
    if mode == "I" or mode == "F" or mode.startswith("I;16"):
        values = np.asarray(picture)
        stretch = Stretch.over([values])
        out = np.empty(values.shape, np.uint8)
        for start in range(0, values.shape[0], 512):  # row blocks, to save memory
            out[start : start + 512] = stretch.apply(values[start : start + 512])
        return PILImage.fromarray(out).convert("RGB")
    if mode in {"LA", "La", "RGBA", "RGBa", "PA"} or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        paper = PILImage.new("RGBA", layer.size, (255, 255, 255, 255))
        return PILImage.alpha_composite(paper, layer).convert("RGB")
    return picture.convert("RGB")


@dataclass(frozen=True)
class Stretch:
    """How deep grey becomes 8 bits: as it is where `fits`, else linearly from `low` to `high`."""

    low: float
    high: float
    fits: bool

    @staticmethod
    def over(parts: Iterable[npt.NDArray[np.generic]]) -> Stretch:
        """For all values of a picture, given part by part."""
        low, high, floats = np.inf, -np.inf, False
        for values in parts:
            floats = values.dtype.kind == "f"
            finite = values[np.isfinite(values)] if floats else values
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        if low > high:
            low = high = 0.0
        return Stretch(low, high, not floats and low >= 0 and high <= 255)

    def apply(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        """Deep grey of any shape as uint8; not-a-number counts as the smallest value."""
        block = values.astype(np.float64)
        if not self.fits:
            block = np.nan_to_num(block, nan=self.low, posinf=self.high, neginf=self.low)
            block = (block - self.low) * (255 / (self.high - self.low) if self.high > self.low else 0.0)
        return np.rint(block).astype(np.uint8)
