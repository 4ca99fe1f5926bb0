"""Images unlike those already labelled, so that a few cover the whole pool.

Sener and Savarese, ICLR 2018: greedy k-centre. Each pick is the image farthest from everything
labelled or picked so far, which is within a factor of two of the best cover.
"""

from __future__ import annotations

import numpy as np

from models_zoo.acquisition.distances import Points, nearest, squared_to
from models_zoo.acquisition.types import PoolPredictions, Ranking, needed_embeddings, tie_order


class CoreSet:
    """Acquisition "core_set"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: the distance to the nearest labelled or earlier picked image at the time of the pick.

        With nothing labelled the first pick is the image nearest the middle of the pool, scored with
        the largest distance there is. Identical images are told apart by the pool's seed.
        """
        points = needed_embeddings(pool)
        count = min(max(0, budget), len(pool.ids))
        if not count:
            return Ranking((), ())
        picks, distances = _greedy(points, pool.labelled, count, pool.seed)
        return Ranking(tuple(pool.ids[i] for i in picks), tuple(distances))


def _greedy(points: Points, labelled: Points | None, count: int, seed: int) -> tuple[list[int], list[float]]:
    order = tie_order(len(points), seed)
    picks: list[int] = []
    distances: list[float] = []
    if labelled is not None and len(labelled):
        gap = nearest(points, labelled)[0]
    else:
        gap = np.full(len(points), np.inf, np.float32)
    for number in range(count):
        if number == 0 and np.isinf(gap[0]):
            from_middle = squared_to(points, points.mean(axis=0, dtype=np.float64))
            ties = np.flatnonzero(from_middle == from_middle.min())
        else:
            ties = np.flatnonzero(gap == gap.max())
        pick = int(ties[order[ties].argmin()])
        picks.append(pick)
        distances.append(float(np.sqrt(max(0.0, float(gap[pick])))))
        np.minimum(gap, squared_to(points, points[pick]), out=gap)
        # Below any distance: never picked again, even among identical images.
        gap[pick] = -1.0
    if np.isinf(distances[0]):
        distances[0] = max(distances[1:], default=1.0)
    return picks, distances
