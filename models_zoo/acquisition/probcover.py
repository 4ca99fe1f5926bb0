"""Few images whose neighbourhoods cover as much of the pool as possible: another way to begin.

Yehuda, Dekel, Hacohen and Weinshall, NeurIPS 2022 (ProbCover): draw a ball around every image, and take the one
whose ball holds most images that are not in a ball yet. The radius is the largest at which 95 of 100 balls hold
images of one kind only, kinds being clusters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.distances import Points, k_means, nearest, squared_to
from models_zoo.acquisition.types import PoolPredictions, Ranking, needed_embeddings, tie_order

PURITY = 0.95
KINDS = 10
"""Clusters that stand for classes when the radius is measured; fewer where there are fewer than 20 images each."""
MOST_COMPARED = 16_384
"""Larger pools are covered through a sample of this many: the graph of a million images has 10^12 edges."""
_RADIUS_SAMPLE = 2048
_ROWS = 1024


class ProbCover:
    """Acquisition "probcover"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: the share of the compared images that the pick's ball covers anew; never rises.

        Once everything is covered the rest follows in the order drawn from the seed, scored 0. A pool
        of more than `MOST_COMPARED` images is ranked within a sample of it.
        """
        points = needed_embeddings(pool)
        count = min(max(0, budget), len(pool.ids))
        if not count:
            return Ranking((), ())
        order = tie_order(len(points), pool.seed)
        rows = np.argsort(order)[:MOST_COMPARED]
        sample = points[rows].astype(np.float32, copy=False)
        radius = pure_radius(sample, np.random.default_rng([pool.seed, 4]))
        chosen, gains = _cover(sample, pool.labelled, radius, count)
        picks = [int(rows[i]) for i in chosen]
        rest = np.argsort(order)
        rest = rest[~np.isin(rest, picks)][: count - len(picks)]
        scores = [gain / len(sample) for gain in gains] + [0.0] * len(rest)
        return Ranking(tuple(pool.ids[i] for i in [*picks, *rest]), tuple(scores))


def pure_radius(sample: Points, rng: np.random.Generator) -> float:
    """The largest radius at which 95 % of the balls hold one kind only; infinite where there is one kind only.

    A ball is pure while it does not reach the nearest image of another kind, so the radius is the
    5 % quantile of those distances.
    """
    kinds = int(np.clip(len(sample) // 20, 2, KINDS))
    owner = nearest(sample, k_means(sample, min(kinds, len(sample)), rng))[1]
    if len(np.unique(owner)) < 2:
        return float("inf")
    looked = np.arange(min(len(sample), _RADIUS_SAMPLE))
    gap = np.empty(len(looked))
    for kind in np.unique(owner[looked]):
        ours = looked[owner[looked] == kind]
        gap[ours] = np.sqrt(nearest(sample[ours], sample[owner != kind])[0])
    # A hair less, or rounding would let in the very image that the radius must not reach.
    return float(np.quantile(gap, 1 - PURITY, method="lower")) * (1 - 1e-4)


def _cover(sample: Points, labelled: Points | None, radius: float, count: int) -> tuple[list[int], list[int]]:
    """Picks and how many images each covers anew, until everything is covered; the first of equals is taken."""
    inside = _balls(sample, radius)
    open_ = np.ones(len(sample), np.bool_)
    if labelled is not None and len(labelled):
        open_ = np.sqrt(nearest(sample, labelled)[0]) >= radius
    reach = np.empty(len(sample), np.int64)
    for start in range(0, len(sample), _ROWS):
        reach[start : start + _ROWS] = np.count_nonzero(inside[start : start + _ROWS] & open_, axis=1)
    picks: list[int] = []
    gains: list[int] = []
    while len(picks) < count and reach.max(initial=0) > 0:
        pick = int(reach.argmax())
        picks.append(pick)
        gains.append(int(reach[pick]))
        covered = np.flatnonzero(inside[pick] & open_)
        open_[covered] = False
        for start in range(0, len(covered), _ROWS):
            reach -= np.count_nonzero(inside[covered[start : start + _ROWS]], axis=0)
    return picks, gains


def _balls(sample: Points, radius: float) -> npt.NDArray[np.bool_]:
    """Which image (column) lies in whose ball (row); symmetric, and every image in its own."""
    middle = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = sample - middle
    norms = np.einsum("nd,nd->n", centred, centred)
    inside = np.empty((len(sample), len(sample)), np.bool_)
    for start in range(0, len(sample), _ROWS):
        block = centred[start : start + _ROWS]
        squares = norms[start : start + _ROWS, None] - 2 * (block @ centred[start:].T) + norms[None, start:]
        close = squares < radius * radius
        # Products may round differently on either side of the diagonal: a pair is in both balls or in neither.
        close[:, : len(block)] &= close[:, : len(block)].T.copy()
        inside[start : start + _ROWS, start:] = close
        inside[start:, start : start + _ROWS] = close.T
    np.fill_diagonal(inside, True)
    return inside


def coverage(points: Points, picks: npt.NDArray[np.intp], radius: float) -> float:
    """Share of the points that lie within the radius of a picked one."""
    covered = np.zeros(len(points), np.bool_)
    for pick in picks:
        covered |= np.sqrt(squared_to(points, points[pick])) < radius
    return float(covered.mean()) if len(points) else 0.0
