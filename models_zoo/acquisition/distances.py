"""Distances between many embeddings, a block at a time: no copy of the pool is ever made.

Shape letters: N points, M centres, D dimensions, K clusters. Points may be float16, float32 or
float64; blocks are brought to float32, where differences are taken before they are squared, so that
duplicates are exactly 0 apart however far from the origin they lie.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float32]

# Values of a block: one mebibyte of float32 stays in a core's cache.
_BLOCK_VALUES = 1 << 18
_BLOCK_ROWS = 4096
_BLOCK_CENTRES = 2048
_LLOYD_ROUNDS = 15
_SAMPLE_PER_CLUSTER = 20
_LEAST_SAMPLE = 10_000


def squared_to(points: Points, one: Points) -> Floats:
    """Squared distances (N,) of all points to one point (D,)."""
    found = np.empty(len(points), np.float32)
    target = one.astype(np.float32)
    rows = max(1, _BLOCK_VALUES // max(1, points.shape[1]))
    for start in range(0, len(points), rows):
        block = points[start : start + rows].astype(np.float32, copy=False) - target
        np.einsum("nd,nd->n", block, block, out=found[start : start + rows])
    return found


def nearest(points: Points, centres: Points) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Squared distance to the nearest centre, and which one: both (N,).

    The search is by products, which lose digits; the distance that is returned is exact.
    """
    squares = np.empty(len(points), np.float32)
    chosen = np.empty(len(points), np.intp)
    middle = centres.mean(axis=0, dtype=np.float64).astype(np.float32)
    for start in range(0, len(points), _BLOCK_ROWS):
        block = points[start : start + _BLOCK_ROWS].astype(np.float32, copy=False)
        best = _search(block - middle, centres, middle)
        offsets = block - centres[best].astype(np.float32, copy=False)
        chosen[start : start + len(block)] = best
        squares[start : start + len(block)] = np.einsum("nd,nd->n", offsets, offsets)
    return squares, chosen


def _search(block: Floats, centres: Points, middle: Floats) -> npt.NDArray[np.intp]:
    """Index of the nearest centre for each row of a block that ``middle`` was taken from."""
    least = np.full(len(block), np.inf, np.float32)
    best = np.zeros(len(block), np.intp)
    for start in range(0, len(centres), _BLOCK_CENTRES):
        part = centres[start : start + _BLOCK_CENTRES].astype(np.float32, copy=False) - middle
        # |x|^2 is the same for every centre and may be left out of the comparison.
        found = np.einsum("kd,kd->k", part, part) - 2 * (block @ part.T)
        position = found.argmin(axis=1)
        value = found[np.arange(len(block)), position]
        better = value < least
        least[better], best[better] = value[better], position[better] + start
    return best


def pairwise(points: Points) -> Floats:
    """Squared distances (N, N) among few points, the diagonal exactly 0."""
    part = points.astype(np.float32, copy=False)
    part = part - part.mean(axis=0, dtype=np.float64).astype(np.float32)
    norms = np.einsum("nd,nd->n", part, part)
    found = norms[:, None] - 2 * (part @ part.T) + norms[None]
    # What is below the rounding of the products is a duplicate.
    found[found < 1e-6 * max(float(norms.max(initial=0)), 1e-30)] = 0
    np.fill_diagonal(found, 0)
    return np.asarray(found, np.float32)


def weighted_draw(weights: npt.NDArray[np.floating], rng: np.random.Generator) -> int | None:
    """A position with probability in proportion to its weight; None where all are 0."""
    total = np.cumsum(weights, dtype=np.float64)
    if not len(total) or total[-1] <= 0:
        return None
    drawn = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
    return min(drawn, int(np.flatnonzero(weights)[-1]))


def k_means(points: Points, clusters: int, rng: np.random.Generator) -> Floats:
    """Centres (at most K, D) of a sample of the points: seeded by k-means++, then Lloyd's rounds.

    Fewer centres come back where the sample has fewer distinct points. The sample holds 20 points a
    cluster or 10,000, whichever is more, so that the time does not grow with the pool.
    """
    size = min(len(points), max(_SAMPLE_PER_CLUSTER * clusters, _LEAST_SAMPLE))
    rows = np.sort(rng.choice(len(points), size, replace=False)) if size < len(points) else slice(None)
    sample = points[rows].astype(np.float32, copy=False)
    centres = _seeded(sample, clusters, rng)
    for _ in range(_LLOYD_ROUNDS):
        owner = nearest(sample, centres)[1]
        counts = np.bincount(owner, minlength=len(centres))
        order = np.argsort(owner, kind="stable")
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        filled = counts > 0
        sums = np.add.reduceat(sample[order], starts[filled], axis=0, dtype=np.float64)
        moved = centres.copy()
        moved[filled] = sums / counts[filled, None]
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def _seeded(sample: Floats, clusters: int, rng: np.random.Generator) -> Floats:
    picks = [int(rng.integers(len(sample)))]
    distance = squared_to(sample, sample[picks[0]])
    while len(picks) < clusters:
        drawn = weighted_draw(distance, rng)
        if drawn is None:
            break
        picks.append(drawn)
        np.minimum(distance, squared_to(sample, sample[drawn]), out=distance)
    return sample[picks].copy()
