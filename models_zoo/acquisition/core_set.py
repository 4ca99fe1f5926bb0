"""Images unlike those already labelled, so that a few cover the whole pool.

Sener and Savarese, ICLR 2018: greedy k-centre. Each pick is the image farthest from everything
labelled or picked so far, which is within a factor of two of the best cover.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.types import PoolPredictions, Ranking

# Rows of the pool compared with the labelled images at a time.
_BLOCK = 2048


class CoreSet:
    """Acquisition "core_set"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: the distance to the nearest labelled or earlier picked image at the time of the pick.

        Embeddings that are not finite count as the mean of the others. With nothing labelled the
        first pick is the image nearest the middle of the pool, scored with the largest distance
        there is. Identical images are told apart by the pool's seed.
        """
        if pool.embeddings is None:
            raise ValueError("this acquisition function needs the embeddings of the images")
        count = min(max(0, budget), len(pool.ids))
        if not count:
            return Ranking((), ())
        points = _finite(pool.embeddings)
        # A drawn order, so that the first of equals is not always the first imported.
        drawn = np.random.default_rng(pool.seed).permutation(len(points))
        picks, distances = _greedy(points[drawn], pool.labelled, count)
        return Ranking(tuple(pool.ids[drawn[i]] for i in picks), tuple(distances))


def _finite(embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    points = embeddings.astype(np.float64)
    broken = ~np.isfinite(points).all(axis=1)
    if broken.any():
        points[broken] = points[~broken].mean(axis=0) if (~broken).any() else 0.0
    return points


def _greedy(
    points: npt.NDArray[np.float64], labelled: npt.NDArray[np.float32] | None, count: int
) -> tuple[list[int], list[float]]:
    nearest = np.full(len(points), np.inf)
    if labelled is not None and labelled.size:
        centres = _finite(labelled)
        for start in range(0, len(points), _BLOCK):
            block = points[start : start + _BLOCK]
            nearest[start : start + _BLOCK] = _squared_distances(block, centres).min(axis=1)
    picks: list[int] = []
    distances: list[float] = []
    for _ in range(count):
        if np.isinf(nearest).all():
            pick = int(((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin())
        else:
            pick = int(nearest.argmax())
        picks.append(pick)
        distances.append(float(np.sqrt(max(0.0, nearest[pick]))))
        nearest = np.minimum(nearest, ((points - points[pick]) ** 2).sum(axis=1))
        # Below any distance: never picked again, even among identical images.
        nearest[picks] = -1.0
    if np.isinf(distances[0]):
        distances[0] = max(distances[1:], default=1.0)
    return picks, distances


def _squared_distances(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    products = a @ b.T
    squares = (a * a).sum(axis=1)[:, None] - 2 * products + (b * b).sum(axis=1)[None]
    return np.asarray(np.maximum(squares, 0), np.float64)
