"""What every grid cell is known by: deep features, colour and place.

N cells in row order, D plain columns, A anchor cells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.features import DenseFeatures

FloatArray = npt.NDArray[np.float32]

# Weights found on human scribbles (scribbles20) and simulated ones (horses, msrc21, camvid11); all
# of them may be halved or doubled for less than 0.02 IoU.
_DEEP_WEIGHT = 2.5
_COLOUR_WEIGHT = 1.0
_PLACE_WEIGHT = 0.25
# Half the range of L, a and b in pictures, so that the three weigh alike.
_LAB_RANGE = np.array([100, 60, 60], np.float32)
_KERNEL_LENGTH = 2.0
# sRGB to XYZ, each row divided by its white (IEC 61966-2-1, D65).
_TO_XYZ = np.array(
    [
        [0.412453 / 0.950456, 0.357580 / 0.950456, 0.180423 / 0.950456],
        [0.212671, 0.715160, 0.072169],
        [0.019334 / 1.088754, 0.119193 / 1.088754, 0.950227 / 1.088754],
    ]
)


def lab_image(rgb: npt.NDArray[np.uint8], width: int, height: int) -> FloatArray:
    """CIELAB (height, width, 3), scaled to about one, of an RGB image brought to that size.

    Written out because OpenCV's own conversion reads a coarse table, which no other language would meet.
    """
    import cv2

    shrinks = width * height < rgb.shape[0] * rgb.shape[1]
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    xyz = _linear()[small] @ _TO_XYZ.T.astype(np.float32)
    powers = np.where(xyz > 0.008856, np.cbrt(xyz), np.float32(7.787) * xyz + np.float32(16 / 116))
    lab = np.empty_like(xyz)
    lab[:, :, 0] = np.where(xyz[:, :, 1] > 0.008856, 116 * powers[:, :, 1] - 16, np.float32(903.3) * xyz[:, :, 1])
    lab[:, :, 1] = 500 * (powers[:, :, 0] - powers[:, :, 1])
    lab[:, :, 2] = 200 * (powers[:, :, 1] - powers[:, :, 2])
    return np.asarray(lab / _LAB_RANGE, np.float32)


def _linear() -> FloatArray:
    """Linear light of each of the 256 values of sRGB."""
    values = np.arange(256) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def plain_columns(features: DenseFeatures | None, lab: FloatArray) -> FloatArray:
    """Deep features, colour and place of each cell of ``lab``'s grid, (N, D), each group scaled as one."""
    height, width = lab.shape[:2]
    deep = _texture(lab) if features is None else _deep(features, width, height)
    deep = deep.reshape(height * width, -1)
    deep = deep * (_DEEP_WEIGHT / (np.sqrt(deep.shape[1]) * (deep.std() + 1e-6)))
    colour = lab.reshape(-1, 3)
    colour = (colour - colour.mean(axis=0)) * (_COLOUR_WEIGHT / (np.sqrt(3) * (colour.std() + 1e-3)))
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    place = np.stack([rows.ravel() - (height - 1) / 2, columns.ravel() - (width - 1) / 2], axis=1)
    # 0.29 is the deviation of a uniform variable on a side of length one.
    place *= _PLACE_WEIGHT / (0.29 * max(height, width))
    return np.concatenate([deep, colour, place], axis=1).astype(np.float32)


def gaussian_kernel(plain: FloatArray, anchors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """exp(-|x - a|^2 / (2 * length^2)) and x.a of each row of ``plain`` (N, D) with each of ``anchors`` (A, D)."""
    linear = plain @ anchors.T
    squares = (plain * plain).sum(axis=1)[:, None] + (anchors * anchors).sum(axis=1)[None] - 2 * linear
    gaussian = np.exp(np.maximum(squares, 0) * np.float32(-0.5 / _KERNEL_LENGTH**2))
    return np.asarray(gaussian, np.float32), np.asarray(linear, np.float32)


def some_of(cells: npt.NDArray[np.intp], limit: int) -> npt.NDArray[np.intp]:
    """At most ``limit`` of the cells, in rising order: those whose numbers come first in a fixed shuffle of all.

    A cell more or less changes one choice at most, where an even spread would change every one.
    """
    if len(cells) <= limit:
        return cells
    return np.sort(cells[np.argsort(position_hash(cells), kind="stable")[:limit]])


def position_hash(positions: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
    """A fixed number for each position, the same in every language; no two below 2^32 are alike."""
    state = positions.astype(np.uint32) * np.uint32(0x9E3779B9) + np.uint32(0x6D2B79F5)
    state ^= state >> np.uint32(16)
    state *= np.uint32(0x85EBCA6B)
    state ^= state >> np.uint32(13)
    state *= np.uint32(0xC2B2AE35)
    state ^= state >> np.uint32(16)
    return state


def _deep(features: DenseFeatures, width: int, height: int) -> FloatArray:
    """The dense features as (height, width, C), resized when they came from another grid."""
    import cv2

    cells = np.ascontiguousarray(features.dequantised().transpose(1, 2, 0))
    if cells.shape[:2] == (height, width):
        return cells
    # OpenCV resizes four channels at most with some of its kernels: one at a time is safe.
    planes = [
        cv2.resize(cells[:, :, c], (width, height), interpolation=cv2.INTER_LINEAR) for c in range(cells.shape[2])
    ]
    return np.stack(planes, axis=2)


def _texture(lab: FloatArray) -> FloatArray:
    """Stand-in for deep features: colour at three scales and how much it varies, (h, w, 12)."""
    import cv2

    parts = []
    for sigma in (2.0, 5.0):
        mean = cv2.GaussianBlur(lab, (0, 0), sigma)
        spread = cv2.GaussianBlur(lab * lab, (0, 0), sigma) - mean * mean
        parts += [mean, np.sqrt(np.maximum(spread, 0))]
    stacked = np.concatenate(parts, axis=2).astype(np.float32)
    return np.asarray(stacked - stacked.mean(axis=(0, 1)), np.float32)
