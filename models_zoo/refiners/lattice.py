"""Gaussian filtering in many dimensions on a permutohedral lattice (Adams, Baek and Davis, Eurographics 2010).

Every point hands its values to the d + 1 corners of the simplex it lies in, the corners are blurred along the d + 1
lattice directions, and the point takes its share back: linear in the number of points for any width of the Gaussian.
Written on arrays: corners are found for all points at once and joined by sorting their packed coordinates.

Shape letters: N points, d feature dimensions, M corners in use, K value channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

IntArray = npt.NDArray[np.int64]


class LatticeError(ValueError):
    """Features spread so wide that lattice corners cannot be numbered; the message says what to change."""


@dataclass(frozen=True)
class Lattice:
    """A set of points, ready to filter values with weights exp(-|f_i - f_j|^2 / 2).

    Attributes:
        share: sparse (N, M), the barycentric share of each point in its corners; rows sum to 1.
        before, after: (d + 1, M), the corner's neighbours along each direction; M where there is none.
    """

    share: sparse.csr_matrix
    before: IntArray
    after: IntArray

    def filter(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Approximately sum_j exp(-|f_i - f_j|^2 / 2) v_j for values (N, K); the sum includes j = i."""
        corners = self.share.T @ values
        padded = np.zeros((len(corners) + 1, corners.shape[1]), np.float32)
        padded[:-1] = corners
        for before, after in zip(self.before, self.after, strict=True):
            padded[:-1] += np.float32(0.5) * (padded[before] + padded[after])
        dimensions = len(self.before) - 1
        # What one blur of (1/2, 1, 1/2) a direction has in excess, from the paper's implementation.
        gain = np.float32(1 / (1 + 2.0**-dimensions))
        return np.asarray(self.share @ padded[:-1] * gain, np.float32)


def build_lattice(features: npt.NDArray[np.float32]) -> Lattice:
    """Place points (N, d), in units of the Gaussian's standard deviation.

    Raises:
        LatticeError: the features reach over so many standard deviations that 63 bits cannot number the corners.
    """
    count, dimensions = features.shape
    elevated = _elevate(features.astype(np.float64))
    base, rank = _enclosing_simplex(elevated)
    weights = _barycentric(elevated, base, rank)
    corners = np.arange(dimensions + 1)
    # Corner k of a simplex: k added to every coordinate, less d + 1 for the k coordinates of highest rank.
    step = np.where(np.arange(dimensions + 1)[None] > dimensions - corners[:, None], -dimensions - 1, 0)
    keys = base[:, None, :] + corners[None, :, None] + step[corners[None, :, None], rank[:, None, :]]
    packed, radix = _pack(keys.reshape(-1, dimensions + 1)[:, :dimensions])
    used, positions = np.unique(packed, return_inverse=True)
    rows = np.repeat(np.arange(count), dimensions + 1)
    share = sparse.csr_matrix(
        (weights.reshape(-1).astype(np.float32), (rows, positions.reshape(-1))), shape=(count, len(used))
    )
    # One step along direction j is -1 on all coordinates and + d on the j-th.
    moves = -radix.sum() + (dimensions + 1) * np.append(radix, 0)
    before = np.stack([_find(used, used + move) for move in moves])
    after = np.stack([_find(used, used - move) for move in moves])
    return Lattice(share, before, after)


def _elevate(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Onto the hyperplane of d + 1 coordinates that sum to 0, scaled so that one blur is one standard deviation."""
    dimensions = features.shape[1]
    index = np.arange(1, dimensions + 1)
    scaled = features * (np.sqrt(2 / 3) * (dimensions + 1) / np.sqrt(index * (index + 1)))
    # Coordinate i is the sum of what lies above it less i times its own.
    above = np.concatenate([np.cumsum(scaled[:, ::-1], axis=1)[:, ::-1], np.zeros((len(features), 1))], axis=1)
    own = np.concatenate([np.zeros((len(features), 1)), index * scaled], axis=1)
    return np.asarray(above - own, np.float64)


def _enclosing_simplex(elevated: npt.NDArray[np.float64]) -> tuple[IntArray, IntArray]:
    """The remainder-0 corner (N, d + 1) of each point's simplex, and each coordinate's rank by how far it is off."""
    size = elevated.shape[1]
    base = np.rint(elevated / size).astype(np.int64)
    surplus = base.sum(axis=1, keepdims=True)
    base *= size
    order = np.argsort(-(elevated - base), axis=1, kind="stable")
    rank = np.empty_like(base)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(size), base.shape), axis=1)
    rank += surplus
    low, high = rank < 0, rank >= size
    base += size * (low.astype(np.int64) - high)
    rank += size * (low.astype(np.int64) - high)
    return base, rank


def _barycentric(elevated: npt.NDArray[np.float64], base: IntArray, rank: IntArray) -> npt.NDArray[np.float64]:
    """Share of each corner, (N, d + 1); rows sum to 1."""
    count, size = base.shape
    offset = np.empty((count, size))
    np.put_along_axis(offset, rank, (elevated - base) / size, axis=1)
    # offset falls with the rank; corner k lies between rank d - k and d + 1 - k.
    weights = np.empty((count, size))
    weights[:, 1:] = (offset[:, :-1] - offset[:, 1:])[:, ::-1]
    weights[:, 0] = 1 - weights[:, 1:].sum(axis=1)
    return weights


def _pack(keys: IntArray) -> tuple[IntArray, IntArray]:
    """Coordinates (n, d) as one number each, with room for a step to either side, and the radix of each."""
    dimensions = keys.shape[1]
    low = keys.min(axis=0) - dimensions - 1
    span = keys.max(axis=0) - low + dimensions + 2
    if float(np.log2(span.astype(np.float64)).sum()) > 62:
        raise LatticeError("the features reach over too many standard deviations; use wider Gaussians")
    radix = np.append(np.cumprod(span[:0:-1])[::-1], 1).astype(np.int64)
    return (keys - low) @ radix, radix


def _find(used: IntArray, wanted: IntArray) -> IntArray:
    """Positions of `wanted` in sorted `used`; len(used) where it is missing."""
    positions = np.searchsorted(used, wanted)
    clipped = np.minimum(positions, len(used) - 1)
    return np.where(used[clipped] == wanted, clipped, len(used))
