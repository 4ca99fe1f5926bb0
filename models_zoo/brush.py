"""Draw a round brush stroke on a pixel grid, the same on every machine. numpy only."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_MAX_PLACES = 1_000_000
_MANY_PLACES = 50_000


def draw_brush(points: npt.NDArray[np.float64], radius: float, *, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Bool HxW: pixels whose centre lies within ``radius`` of the path through ``points`` (N, 2).

    Exact to a hundredth of the radius. Pixels the path itself runs through are always covered, so
    a thin stroke has no gaps. Work is bounded whatever the path: discs are set along it at a
    quarter of the radius, equal places once, and each is filled as runs of a row.
    """
    centres = _places_along(points, max(0.25, radius / 4))
    columns = np.clip(np.floor(centres[:, 0]), 0, width - 1).astype(np.int64)
    rows = np.clip(np.floor(centres[:, 1]), 0, height - 1).astype(np.int64)
    # A run is +1 where it starts and -1 one past its end; the running sum is above 0 inside.
    steps = np.zeros(height * (width + 1) + 1, np.int64)
    np.add.at(steps, rows * (width + 1) + columns, 1)
    np.add.at(steps, rows * (width + 1) + columns + 1, -1)
    for offset in range(math.floor(2 * radius) + 1):
        row = np.ceil(centres[:, 1] - radius - 0.5).astype(np.int64) + offset
        across = radius**2 - (row + 0.5 - centres[:, 1]) ** 2
        half = np.sqrt(np.maximum(across, 0))
        start = np.clip(np.ceil(centres[:, 0] - half - 0.5), 0, width).astype(np.int64)
        end = np.clip(np.floor(centres[:, 0] + half - 0.5) + 1, 0, width).astype(np.int64)
        used = (across >= 0) & (row >= 0) & (row < height) & (end > start)
        np.add.at(steps, row[used] * (width + 1) + start[used], 1)
        np.add.at(steps, row[used] * (width + 1) + end[used], -1)
    inside: npt.NDArray[np.bool_] = np.cumsum(steps[:-1]).reshape(height, width + 1)[:, :width] > 0
    return inside


def _places_along(points: npt.NDArray[np.float64], spacing: float) -> npt.NDArray[np.float64]:
    """Distinct places (M, 2) along a path, at most ``spacing`` apart unless the path is absurdly long."""
    if len(points) == 1:
        return points
    deltas = np.diff(points, axis=0)
    lengths = np.hypot(deltas[:, 0], deltas[:, 1])
    spacing = max(spacing, float(lengths.sum()) / _MAX_PLACES)
    counts = np.maximum(1, np.ceil(lengths / spacing)).astype(np.int64)
    segment = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = points[segment] + deltas[segment] * (within / counts[segment])[:, None]
    places = np.concatenate([places, points[-1:]])
    # Places this near each other count once. Coarser on scrawls, where it bounds the work and the
    # overlap of so many discs hides it.
    step = spacing / (16 if len(places) < _MANY_PLACES else 4)
    keys = np.rint(places / step).astype(np.int64)
    _, first = np.unique(keys[:, 0] * (1 << 32) + keys[:, 1], return_index=True)
    return places[first]
