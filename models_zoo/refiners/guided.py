"""Guided filter (He, Sun and Tang, ECCV 2010) and joint bilateral upsampling (Kopf et al., SIGGRAPH 2007).

Shape letters: C classes, H height, W width; h, w of the coarse grid.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.refiners.running import FloatArray, Held, normalised, resize

_RADIUS_SHARE = 1 / 8
"""Half window of the guided filter, of the long side."""
_SMOOTHNESS = 1e-4
"""Variance of colour (0..1) below which a window counts as flat."""
_REDUCTION = 8
"""Joint bilateral upsampling as a refiner starts from scores so much smaller."""
_REACH = 2
_COLOUR_WIDTH = 0.08
"""Distance of colours (0..1) at which a coarse cell's say is down to 0.6."""

Work = Callable[[npt.NDArray[np.uint8], FloatArray, Held], FloatArray]


def guided_filter(
    rgb: npt.NDArray[np.uint8], scores: FloatArray, held: Held, features: FloatArray | None = None
) -> FloatArray:
    """Fit scores = a . colour + b in every window, and average the fits that cover a pixel."""
    height, width = scores.shape[1:]
    radius = max(1, round(max(height, width) * _RADIUS_SHARE))
    picture = _unit(rgb)
    mean_HW3 = _box(picture, radius)
    inverse_HW33 = _inverse_covariance(picture, mean_HW3, radius)
    made = np.stack([_fit(picture, mean_HW3, inverse_HW33, part, radius) for part in held.apply(scores)])
    return held.apply(np.clip(made, 0, 1))


def joint_bilateral(
    rgb: npt.NDArray[np.uint8], scores: FloatArray, held: Held, features: FloatArray | None = None
) -> FloatArray:
    """Shrink the scores by eight and enlarge them again along the colours; with the marks held on both sizes."""
    height, width = scores.shape[1:]
    size = (-(-width // _REDUCTION), -(-height // _REDUCTION))
    small_rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    coarse = held.resized(size).apply(resize(held.apply(scores), size))
    return held.apply(enlarge_along(coarse, small_rgb, rgb))


def on_grid(rgb: npt.NDArray[np.uint8], scores: FloatArray, held: Held, *, side: int, work: Work) -> FloatArray:
    """Do `work` on a copy whose long side is at most `side`, and enlarge what it gives along the colours."""
    height, width = scores.shape[1:]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size == (width, height):
        return held.apply(work(rgb, held.apply(scores), held))
    small_rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    made = work(small_rgb, resize(held.apply(scores), size), held.resized(size))
    return held.apply(enlarge_along(made, small_rgb, rgb))


def enlarge_along(coarse: FloatArray, coarse_rgb: npt.NDArray[np.uint8], rgb: npt.NDArray[np.uint8]) -> FloatArray:
    """Enlarge scores (C, h, w) to the picture's (H, W): near cells of like colour speak for a pixel.

    Weights are exp(-cells^2 / 2) exp(-|colour|^2 / 2 0.08^2) over the 5 x 5 cells around; where no cell is of like
    colour, the nearest colour decides.
    """
    height, width = rgb.shape[:2]
    rows, columns = coarse.shape[1:]
    at_y, at_x = _centres(height, rows), _centres(width, columns)
    near_y, near_x = np.rint(at_y).astype(np.intp), np.rint(at_x).astype(np.intp)
    picture, coarse_picture = _unit(rgb), _unit(coarse_rgb)
    steps = range(-_REACH, _REACH + 1)
    total = np.zeros((len(coarse), height, width), np.float32)
    mass = np.full((height, width), 1e-12, np.float32)
    for dy in steps:
        y = np.clip(near_y + dy, 0, rows - 1)
        place_y = np.exp(-0.5 * (near_y + dy - at_y) ** 2).astype(np.float32)
        for dx in steps:
            x = np.clip(near_x + dx, 0, columns - 1)
            place = place_y[:, None] * np.exp(-0.5 * (near_x + dx - at_x) ** 2).astype(np.float32)
            difference = picture - coarse_picture[y[:, None], x]
            squared = np.einsum("hwk,hwk->hw", difference, difference)
            # The small constant decides where no colour is alike.
            weight = place * (np.exp(-squared / np.float32(2 * _COLOUR_WIDTH**2)) + np.float32(1e-6))
            mass += weight
            total += weight * coarse[:, y[:, None], x]
    return normalised(total / mass)


def _unit(rgb: npt.NDArray[np.uint8]) -> FloatArray:
    return np.asarray(rgb / np.float32(255), np.float32)


def _centres(fine: int, coarse: int) -> npt.NDArray[np.float64]:
    """Where the centres of `fine` cells lie, in cells of the coarse grid, within it."""
    return np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, coarse - 1)


def _box(values: FloatArray, radius: int) -> FloatArray:
    """Mean over windows of 2 radius + 1, edges mirrored."""
    side = 2 * radius + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _inverse_covariance(picture: FloatArray, mean: FloatArray, radius: int) -> FloatArray:
    """(Covariance of the colours of each window + smoothness)^-1, (H, W, 3, 3)."""
    covariance = np.empty((*picture.shape[:2], 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            product = _box(picture[..., i] * picture[..., j], radius) - mean[..., i] * mean[..., j]
            covariance[..., i, j] = covariance[..., j, i] = product
    covariance += np.float32(_SMOOTHNESS) * np.eye(3, dtype=np.float32)
    return np.asarray(np.linalg.inv(covariance), np.float32)


def _fit(picture: FloatArray, mean: FloatArray, inverse: FloatArray, part: FloatArray, radius: int) -> FloatArray:
    part_mean = _box(part, radius)
    shared = _box(picture * part[..., None], radius) - mean * part_mean[..., None]
    slope = np.einsum("hwij,hwj->hwi", inverse, shared)
    offset = part_mean - (slope * mean).sum(axis=2)
    return np.asarray((_box(slope, radius) * picture).sum(axis=2) + _box(offset, radius), np.float32)
