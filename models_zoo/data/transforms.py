"""Augmentation: one affine warp for picture, labels, negatives and boxes alike, then colour jitter.

The random numbers come from the caller's generator, made from (seed, step, place in the batch), so that a
sample does not depend on what was drawn before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.marks import IGNORE

Rgb = npt.NDArray[np.uint8]
LabelMap = npt.NDArray[np.uint8]

SCALE_RANGE = (0.7, 1.5)
GAIN_SPREAD = 0.2
TINT_SPREAD = 0.06
BIAS_SPREAD = 16.0


@dataclass(frozen=True)
class View:
    """Where the source goes on a canvas: x' = sx x + tx, y' = sy y + ty; sx is negative when mirrored."""

    sx: float
    sy: float
    tx: float
    ty: float
    width: int
    height: int

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """The 2x3 matrix for OpenCV, which puts pixel centres at integers: hence the half-pixel shift."""
        shift_x = self.tx + 0.5 * self.sx - 0.5
        shift_y = self.ty + 0.5 * self.sy - 0.5
        return np.array([[self.sx, 0, shift_x], [0, self.sy, shift_y]])

    def warp_rgb(self, rgb: Rgb) -> Rgb:
        """Bilinear; the border repeats."""
        size = (self.width, self.height)
        warped = cv2.warpAffine(rgb, self.matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, np.uint8)

    def warp_labels(self, labels: npt.NDArray[np.uint8], *, outside: int = IGNORE) -> npt.NDArray[np.uint8]:
        """Nearest neighbour; pixels outside the source become `outside`."""
        size = (self.width, self.height)
        warped = cv2.warpAffine(
            labels,
            self.matrix,
            size,
            flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=[outside],
        )
        return np.asarray(warped, np.uint8)

    def map_box(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """A box's corners on the canvas, ordered, not clipped."""
        left, right = sorted((self.sx * x0 + self.tx, self.sx * x1 + self.tx))
        return left, self.sy * y0 + self.ty, right, self.sy * y1 + self.ty

    def visible_share(self, width: int, height: int) -> float:
        """Share of a source of that size that lies on the canvas."""
        x0, y0, x1, y1 = self.map_box(0, 0, width, height)
        shown_x = max(0.0, min(x1, self.width) - max(x0, 0.0)) / (x1 - x0)
        shown_y = max(0.0, min(y1, self.height) - max(y0, 0.0)) / (y1 - y0)
        return shown_x * shown_y


def random_view(
    rng: np.random.Generator,
    source: tuple[int, int],
    canvas: tuple[int, int],
    *,
    base_scale: float,
    scales: tuple[float, float] | None = None,
) -> View:
    """A random scale about `base_scale`, a random place and, half the time, a mirror image.

    Args:
        rng: generator of this sample.
        source: (width, height) of the picture.
        canvas: (width, height) to fill.
        base_scale: scale at which the network will see pictures later.
        scales: smallest and largest of it; SCALE_RANGE if not given.
    """
    low, high = (math.log(value) for value in scales or SCALE_RANGE)
    scale = base_scale * math.exp(rng.uniform(low, high))
    offset_x = _random_offset(rng, source[0] * scale, canvas[0])
    offset_y = _random_offset(rng, source[1] * scale, canvas[1])
    if rng.random() < 0.5:
        return View(-scale, scale, offset_x + source[0] * scale, offset_y, *canvas)
    return View(scale, scale, offset_x, offset_y, *canvas)


def _random_offset(rng: np.random.Generator, length: float, room: int) -> float:
    """Anywhere such that the longer of the two covers the shorter."""
    slack = room - length
    return float(rng.uniform(min(0.0, slack), max(0.0, slack)))


def colour_jitter(rng: np.random.Generator, rgb: Rgb) -> Rgb:
    """Random contrast, brightness and a slight tint, by a look-up table a channel."""
    gain = (1 + rng.uniform(-GAIN_SPREAD, GAIN_SPREAD)) * (1 + rng.uniform(-TINT_SPREAD, TINT_SPREAD, 3))
    bias = rng.uniform(-BIAS_SPREAD, BIAS_SPREAD)
    levels = np.arange(256, dtype=np.float64)[:, None]
    table = np.clip((levels - 127) * gain + 127 + bias, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(rgb, table[:, None, :]), np.uint8)
