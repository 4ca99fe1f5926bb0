"""Geodesic distance: each cell goes to the class whose seed is nearest along a path that avoids edges.

Criminisi, Sharp and Blake, ECCV 2008; Wang et al. (DeepIGeoS), PAMI 2019. A step between neighbours of colours
I_p and I_q at distance d costs d / ((1 - lambda) + lambda / (|I_p - I_q| + 1e-5)): with lambda 1 only the change of
colour counts, with 0 only the way. Found by raster scans, row by row down and up, until nothing changes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.seeded import SeededSegmenter, Seeds

_LAMBDA = 1.0
_LEAST_CHANGE = 1e-5
_MAX_SCANS = 32
_SMOOTHING = 1.0
# Colour change, in the units of `lab_image`, over which the probability falls by e.
_LENGTH = 0.25
_FAR = np.float32(1e6)

Costs = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


class Geodesic(SeededSegmenter[Costs]):
    """InteractiveSegmenter "geodesic"."""

    def __init__(self) -> None:
        super().__init__(_prepare, _likeliest)


def _prepare(lab: FloatArray) -> Costs:
    import cv2

    # Noise adds up along a path until it outweighs an edge; smoothed, an edge costs the same and noise a fraction.
    return step_costs(np.asarray(cv2.GaussianBlur(lab, (0, 0), _SMOOTHING), np.float32))


def step_costs(lab: FloatArray, colour_share: float = _LAMBDA) -> Costs:
    """Cost of a step to the right, lower, lower right and lower left neighbour in an image (h, w, 3)."""
    pairs = (
        (lab[:, :-1], lab[:, 1:], 1.0),
        (lab[:-1], lab[1:], 1.0),
        (lab[:-1, :-1], lab[1:, 1:], np.sqrt(2)),
        (lab[:-1, 1:], lab[1:, :-1], np.sqrt(2)),
    )
    right, down, down_right, down_left = (
        np.asarray(
            length
            / (1 - colour_share + colour_share / (np.sqrt(((a - b) ** 2).sum(axis=2)) + np.float32(_LEAST_CHANGE))),
            np.float32,
        )
        for a, b, length in pairs
    )
    return right, down, down_right, down_left


def distances(costs: Costs, seeds: Seeds, columns: int) -> FloatArray:
    """Cost (C, h, w) of the cheapest path from each cell to a seed of each column; 1e6 where there is none."""
    right, down, down_right, down_left = costs
    found = np.where(seeds == np.arange(columns)[:, None, None], np.float32(0), _FAR)
    # Upside down, the lower neighbours' costs are the upper ones', and left and right of the diagonals change places.
    flipped = right[::-1], down[::-1], down_left[::-1], down_right[::-1]
    for _ in range(_MAX_SCANS):
        before = found.copy()
        _scan_down(found, right, down, down_right, down_left)
        _scan_down(found[:, ::-1], *flipped)
        if np.array_equal(found, before):
            break
    return np.minimum(found, _FAR)


def _scan_down(
    found: FloatArray, right: FloatArray, down: FloatArray, down_right: FloatArray, down_left: FloatArray
) -> None:
    """One pass from the first row to the last, in place: from the row above, then both ways along the row."""
    for row in range(found.shape[1]):
        here = found[:, row]
        if row:
            above = found[:, row - 1]
            np.minimum(here, above + down[row - 1], out=here)
            np.minimum(here[:, 1:], above[:, :-1] + down_right[row - 1], out=here[:, 1:])
            np.minimum(here[:, :-1], above[:, 1:] + down_left[row - 1], out=here[:, :-1])
        _scan_along(here, right[row])
        _scan_along(here[:, ::-1], right[row, ::-1])


def _scan_along(row: npt.NDArray[np.float32], steps: npt.NDArray[np.float32]) -> None:
    """Cheapest way from the left, in place: min over k <= j of row[k] + the steps from k to j."""
    way = np.concatenate([np.zeros(1), np.cumsum(steps, dtype=np.float64)])
    row[:] = np.minimum(row, np.minimum.accumulate(row - way, axis=1) + way)


def _likeliest(costs: Costs, seeds: Seeds, columns: int) -> FloatArray:
    """Probabilities (C, h, w) from the distances: exp(-distance / length), summing to 1."""
    found = distances(costs, seeds, columns)
    powers = np.exp((found.min(axis=0) - found) / np.float32(_LENGTH))
    return np.asarray(powers / powers.sum(axis=0), np.float32)
