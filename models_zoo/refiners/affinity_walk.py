"""Random walk on affinities (AffinityNet, Ahn and Kwak 2018; IRNet, Ahn, Cho and Kwak 2019).

T_ij = a_ij^beta / sum_j a_ij^beta over the pixels within a radius and the pixel itself; scores <- T scores, many times.
a_ij comes from learnt features, exp(-mean_k |f_i - f_j|), or from a border map, 1 - max of b on the straight line
from i to j: nothing passes a wall of ones. Without a trained border head, b is how steep the colours are.

The walk runs on a coarse grid, as published (a quarter of 512 px), with the marks held in every step, and its
result is enlarged along the colours. Shape letters: C classes, D features, H height, W width, O offsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.refiners.guided import on_grid
from models_zoo.refiners.running import FloatArray, Held, resize

RADIUS = 5
BETA = 10.0
STEPS = 64
GRID_SIDE = 128
"""Long side of the grid that is walked on."""
_FEATURE_BETA = 8.0
# A step of colour this many times the usual one of the picture is a border.
_STEEP = 2.0
_MIN_STEEP = 1.5

Offset = tuple[int, int]


def refine(
    rgb: npt.NDArray[np.uint8],
    scores: FloatArray,
    held: Held,
    features: FloatArray | None = None,
    *,
    steps: int = STEPS,
) -> FloatArray:
    """Walk the scores over the picture's affinities: of the features if there are any, else of its borders."""
    offsets = half_plane(RADIUS)

    def walk(small: npt.NDArray[np.uint8], start: FloatArray, marked: Held) -> FloatArray:
        if features is None:
            transitions = Transitions(border_affinities(colour_borders(small), offsets), offsets, beta=BETA)
        else:
            known = _unit_spread(resize(features, (small.shape[1], small.shape[0])))
            transitions = Transitions(feature_affinities(known, offsets), offsets, beta=_FEATURE_BETA)
        return transitions.walk(start, marked, steps=steps)

    return on_grid(rgb, scores, held, side=GRID_SIDE, work=walk)


def half_plane(radius: int) -> list[Offset]:
    """One (dy, dx) of each opposite pair at a distance below `radius`; dy >= 0."""
    reach = range(-radius + 1, radius)
    near = [(dy, dx) for dy in range(radius) for dx in reach if dy * dy + dx * dx < radius * radius]
    return [(dy, dx) for dy, dx in near if dy > 0 or dx > 0]


def feature_affinities(features: FloatArray, offsets: Sequence[Offset]) -> list[FloatArray]:
    """exp(-mean |f_i - f_j|) of each pixel and the one `offset` away, each (H - dy, W - |dx|)."""
    made = []
    for offset in offsets:
        here, there = _pair(offset, features.shape[1], features.shape[2])
        made.append(np.exp(-np.abs(features[here] - features[there]).mean(axis=0)).astype(np.float32))
    return made


def border_affinities(borders: FloatArray, offsets: Sequence[Offset]) -> list[FloatArray]:
    """1 - the highest border (H, W) in 0..1 on the straight line to the pixel `offset` away, ends included."""
    height, width = borders.shape
    made = []
    for dy, dx in offsets:
        top, left = (0, max(0, -dx))
        rows, columns = max(0, height - dy), max(0, width - abs(dx))
        highest = np.zeros((rows, columns), np.float32)
        for y, x in on_line(dy, dx):
            part = borders[top + y : top + y + rows, left + x : left + x + columns]
            np.maximum(highest, part, out=highest)
        made.append(1 - highest)
    return made


def on_line(dy: int, dx: int) -> list[Offset]:
    """Pixels closer than 1 to the straight line from (0, 0) to (dy, dx) and within its bounding box."""
    length = dy * dy + dx * dx
    xs = range(min(0, dx), max(0, dx) + 1)
    return [(y, x) for y in range(dy + 1) for x in xs if (dy * x - dx * y) ** 2 < length]


def colour_borders(rgb: npt.NDArray[np.uint8]) -> FloatArray:
    """How much of a border each pixel (H, W) is, 0..1: its CIELAB slope against the picture's usual one."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    squared = np.zeros(rgb.shape[:2], np.float32)
    for channel in cv2.split(lab):
        for dx, dy in ((1, 0), (0, 1)):
            squared += (cv2.Sobel(channel, cv2.CV_32F, dx, dy, ksize=3) / 8) ** 2
    usual = max(float(np.sqrt(squared).mean()) * _STEEP, _MIN_STEEP)
    return np.asarray(1 - np.exp(-squared / (2 * usual * usual)), np.float32)


class Transitions:
    """T of a grid: each pixel's weights to its neighbours and itself, summing to 1."""

    def __init__(self, affinities: Sequence[FloatArray], offsets: Sequence[Offset], *, beta: float) -> None:
        """`affinities` as the functions above give them, in 0..1."""
        self._offsets = list(offsets)
        self._weights = [part ** np.float32(beta) for part in affinities]
        height = affinities[0].shape[0] + offsets[0][0]
        width = affinities[0].shape[1] + abs(offsets[0][1])
        self.shape = (height, width)
        self._total = self._gather(np.ones((1, height, width), np.float32))

    def step(self, scores: FloatArray) -> FloatArray:
        """T applied once to (C, H, W)."""
        return np.asarray(self._gather(scores) / self._total, np.float32)

    def walk(self, scores: FloatArray, held: Held, *, steps: int) -> FloatArray:
        """T applied `steps` times, what is held put back after each."""
        current = held.apply(scores)
        for _ in range(steps):
            current = held.apply(self.step(current))
        return current

    def _gather(self, scores: FloatArray) -> FloatArray:
        total = scores.copy()
        for offset, weight in zip(self._offsets, self._weights, strict=True):
            here, there = _pair(offset, *self.shape)
            total[here] += weight * scores[there]
            total[there] += weight * scores[here]
        return total


def _pair(offset: Offset, height: int, width: int) -> tuple[Any, Any]:
    """Indices (here, there) such that x[..., here] and x[..., there] are `offset` apart."""
    dy, dx = offset
    rows, columns = max(0, height - dy), max(0, width - abs(dx))
    left = max(0, -dx)
    here = (..., slice(0, rows), slice(left, left + columns))
    there = (..., slice(dy, dy + rows), slice(left + dx, left + dx + columns))
    return here, there


def _unit_spread(features: FloatArray) -> FloatArray:
    """Each channel with a spread of 1, so that features of any scale give like affinities; flat ones stay flat."""
    spread = features.std(axis=(1, 2), keepdims=True)
    return np.asarray(features / np.where(spread > 1e-6, spread, 1), np.float32)
