"""A batch of images that would change the model much and in different ways.

Ash, Zhang, Krishnamurthy, Langford and Agarwal, ICLR 2020: the gradient of the loss at the last layer, with
the model's own answer taken for the truth, says how much an image would teach and in which direction; seeding
k-means on the gradients (Arthur and Vassilvitskii, SODA 2007) picks long ones that differ. The gradient is the
outer product of a residual (C,) and an embedding (D,); it is never written out.

Shape letters: N images, C classes, D dimensions, h, w pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.distances import Floats, Points, weighted_draw
from models_zoo.acquisition.types import PoolPredictions, Ranking, needed_embeddings, needed_residuals, tie_order

_ROWS = 4096
# Squared distances below this share of the longest gradient's are rounding.
_ROUNDING = 1e-6


def residual(probabilities: npt.NDArray[np.floating]) -> Floats:
    """Residual (C,) of a prediction (C, h, w): for each class the mean over all pixels of 1 - p where it is likeliest.

    One pixel's residual is onehot - p. Summed over an image those cancel along every border between
    two classes, where a model doubts most; keeping each predicted class's own part does not. Values
    that are not finite count as no knowledge. Raises ValueError for an empty or flat array.
    """
    if probabilities.ndim != 3 or probabilities.size == 0:
        raise ValueError("probabilities must be a non-empty array (classes, h, w)")
    p = probabilities.astype(np.float64).reshape(len(probabilities), -1)
    unknown = ~np.isfinite(p).all(axis=0)
    p = np.clip(np.where(unknown, 1 / len(p), p), 0, 1)
    best = p.argmax(axis=0)
    doubt = np.bincount(best, weights=1 - p.max(axis=0), minlength=len(p))
    return np.asarray(doubt / p.shape[1], np.float32)


def squared_gaps(residuals: Points, points: Points, norms: Floats, pick: int) -> Floats:
    """Squared distances (N,) between all outer products a e' and the picked one.

    |a e' - b f'|^2 = |a|^2 |e|^2 + |b|^2 |f|^2 - 2 (a.b)(e.f); ``norms`` are |a|^2 |e|^2.
    """
    found = np.empty(len(points), np.float32)
    direction, slope = points[pick].astype(np.float32), residuals[pick].astype(np.float32)
    for start in range(0, len(points), _ROWS):
        rows = slice(start, start + _ROWS)
        along = points[rows].astype(np.float32, copy=False) @ direction
        found[rows] = norms[rows] + norms[pick] - 2 * (residuals[rows].astype(np.float32, copy=False) @ slope) * along
    return np.maximum(found, 0, out=found)


class Badge:
    """Acquisition "badge"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """The longest gradient first, then draws in proportion to the squared distance to the nearest pick.

        Score: the smallest distance at any pick so far, at first the length of the longest gradient.
        Images whose gradient equals a picked one come last, scored 0.
        """
        points, residuals = needed_embeddings(pool), needed_residuals(pool)
        count = min(max(0, budget), len(pool.ids))
        if not count:
            return Ranking((), ())
        order = tie_order(len(points), pool.seed)
        norms = _norms(residuals, points)
        longest = float(norms.max())
        rng = np.random.default_rng([pool.seed, 2])
        picks = [_first(norms, order)]
        scores = [float(np.sqrt(longest))]
        gap = np.full(len(points), np.inf, np.float32)
        while len(picks) < count:
            np.minimum(gap, squared_gaps(residuals, points, norms, picks[-1]), out=gap)
            gap[picks[-1]] = 0
            gap[gap <= _ROUNDING * longest] = 0
            pick = weighted_draw(gap, rng)
            if pick is None:
                break
            picks.append(pick)
            scores.append(min(float(np.sqrt(gap[pick])), scores[-1]))
        rest = np.setdiff1d(np.arange(len(points)), picks) if len(picks) < count else np.zeros(0, np.intp)
        picks += [int(i) for i in rest[np.argsort(order[rest])][: count - len(picks)]]
        scores += [0.0] * (count - len(scores))
        return Ranking(tuple(pool.ids[i] for i in picks), tuple(scores))


def _first(norms: Floats, order: npt.NDArray[np.intp]) -> int:
    ties = np.flatnonzero(norms == norms.max())
    return int(ties[order[ties].argmin()])


def _norms(residuals: Points, points: Points) -> Floats:
    found = np.empty(len(points), np.float32)
    for start in range(0, len(points), _ROWS):
        rows = slice(start, start + _ROWS)
        e, a = points[rows].astype(np.float32, copy=False), residuals[rows].astype(np.float32, copy=False)
        found[rows] = np.einsum("nd,nd->n", e, e) * np.einsum("nc,nc->n", a, a)
    return found
