"""What settles most doubt for a second of a person's time, without asking about the same thing twice.

Burnish's own rule: uncertainty x diversity x de-duplication / expected seconds of the best question.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.distances import Floats, Points, nearest, pairwise, squared_to
from models_zoo.acquisition.types import PoolPredictions, Ranking, needed_embeddings, needed_questions, tie_order

_LOOK_AHEAD = 1024
_SPACING_SAMPLE = 1024
SAME = 0.05
"""Images nearer to each other than this share of the usual distance are taken for copies."""


class ValuePerSecond:
    """Acquisition "value_per_second"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: the value of the image's best question x its diversity at the time of the pick; names the question.

        Diversity is the distance to the nearest labelled or picked image over the usual distance
        between two images, at most 1; copies of those have none and come last, by value, scored 0.
        """
        points, questions = needed_embeddings(pool), needed_questions(pool)
        count = min(max(0, budget), len(pool.ids))
        if not count:
            return Ranking((), ())
        values = np.array([one.value for one in questions], np.float64)
        order = tie_order(len(points), pool.seed)
        picks, scores = _greedy(values, points, pool.labelled, count, order)
        if len(picks) < count:
            left = np.setdiff1d(np.arange(len(points)), picks)
            left = left[np.lexsort((order[left], -values[left]))][: count - len(picks)]
            picks, scores = [*picks, *left.tolist()], [*scores, *[0.0] * len(left)]
        return Ranking(tuple(pool.ids[i] for i in picks), tuple(scores), tuple(questions[i].question for i in picks))


def _greedy(
    values: npt.NDArray[np.float64], points: Points, labelled: Points | None, count: int, order: npt.NDArray[np.intp]
) -> tuple[list[int], list[float]]:
    """Picks until ``count`` or until nothing is worth anything.

    Diversity only ever falls, so an old score is an upper bound: the pool is not measured again
    after each pick, only what stands at its head (Minoux's lazy greedy).
    """
    usual = _usual_distance(points, order)
    gap = np.full(len(points), np.inf, np.float32)
    if labelled is not None and len(labelled):
        gap = nearest(points, labelled)[0]
    bounds = values * _diversity(gap, usual)
    fresh = np.zeros(len(points), np.intp)
    picks: list[int] = []
    scores: list[float] = []
    while len(picks) < count:
        head = _head(bounds)
        stale = head[fresh[head] < len(picks)]
        _measure(points, picks, stale, fresh, gap)
        bounds[stale] = values[stale] * _diversity(gap[stale], usual)
        best = head[np.lexsort((order[head], -bounds[head]))[0]]
        if bounds[best] <= 0:
            break
        if len(head) < len(bounds) and len(stale) and bounds[best] < _next_bound(bounds, head):
            continue
        picks.append(int(best))
        scores.append(float(bounds[best]))
        bounds[best] = -1.0
    return picks, scores


def _head(bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Positions of the largest bounds."""
    if len(bounds) <= _LOOK_AHEAD:
        return np.arange(len(bounds))
    return np.argpartition(bounds, -_LOOK_AHEAD)[-_LOOK_AHEAD:]


def _next_bound(bounds: npt.NDArray[np.float64], head: npt.NDArray[np.intp]) -> float:
    """The largest bound outside of the head."""
    kept = bounds[head]
    bounds[head] = -np.inf
    found = float(bounds.max())
    bounds[head] = kept
    return found


def _measure(
    points: Points, picks: list[int], rows: npt.NDArray[np.intp], fresh: npt.NDArray[np.intp], gap: Floats
) -> None:
    """Bring the distances of some images up to date with all picks."""
    for since in np.unique(fresh[rows]):
        group = rows[fresh[rows] == since]
        part = points[group]
        for pick in picks[since:]:
            gap[group] = np.minimum(gap[group], squared_to(part, points[pick]))
        fresh[group] = len(picks)


def _usual_distance(points: Points, order: npt.NDArray[np.intp]) -> float:
    """Median distance between images of a sample that are not the same; 1 where all are."""
    squares = pairwise(points[np.argsort(order)[:_SPACING_SAMPLE]])
    different = squares[squares > 0]
    return float(np.sqrt(np.median(different))) if len(different) else 1.0


def _diversity(gap: Floats, usual: float) -> npt.NDArray[np.float64]:
    """0 for a copy, 1 for an image as far from everything as two usually are."""
    share = np.minimum(np.sqrt(gap, dtype=np.float64) / usual, 1)
    return np.where(share < SAME, 0.0, share)
