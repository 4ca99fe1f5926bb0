"""Typical images of different kinds: where to begin when a model has seen next to nothing.

Hacohen, Dekel and Weinshall, ICML 2022 (TypiClust): cluster the embeddings, go to the largest cluster with the
fewest labels, and take its most typical image, the one whose neighbours lie closest.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.distances import Points, k_means, nearest, pairwise, squared_to
from models_zoo.acquisition.types import PoolPredictions, Ranking, needed_embeddings, tie_order

MAX_CLUSTERS = 500
MIN_CLUSTER = 5
"""Clusters of this size or smaller are outliers: visited when nothing else is left."""
NEIGHBOURS = 20
_MOST_COMPARED = 2048
_EPSILON = 1e-5


class TypiClust:
    """Acquisition "typiclust"."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """Score: the share of the picks that came no earlier, so 1 for the first.

        As many clusters as images labelled and asked for, at most `MAX_CLUSTERS`; the most typical
        of at most 2,048 members, drawn by the seed, where a cluster is larger.
        """
        points = needed_embeddings(pool)
        count = min(max(0, budget), len(pool.ids))
        if not count:
            return Ranking((), ())
        picks = _picks(points, pool.labelled, count, pool.seed)
        scores = tuple(1 - number / count for number in range(count))
        return Ranking(tuple(pool.ids[i] for i in picks), scores)


def _picks(points: Points, labelled: Points | None, count: int, seed: int) -> list[int]:
    rng = np.random.default_rng([seed, 3])
    known = 0 if labelled is None else len(labelled)
    centres = k_means(points, min(known + count, MAX_CLUSTERS, len(points)), rng)
    owner = nearest(points, centres)[1]
    taken = np.zeros(len(centres), np.intp)
    if labelled is not None and known:
        taken = np.bincount(nearest(labelled, centres)[1], minlength=len(centres))
    order = tie_order(len(points), seed)
    by_owner = np.lexsort((order, owner))
    groups = np.split(by_owner, np.cumsum(np.bincount(owner, minlength=len(centres)))[:-1])
    clusters = [_Cluster(points, members, rng) for members in groups]
    return _visit(clusters, [int(number) for number in taken], count)


def _visit(clusters: list[_Cluster], taken: list[int], count: int) -> list[int]:
    """Fewest labels first, then the largest; small clusters, then what equals a pick, when the rest is used up."""
    large, small = [
        [
            (taken[number], -cluster.size, number)
            for number, cluster in enumerate(clusters)
            if (cluster.size > MIN_CLUSTER) is wanted and cluster.size
        ]
        for wanted in (True, False)
    ]
    heapq.heapify(large)
    heapq.heapify(small)
    picks: list[int] = []
    while len(picks) < count and (large or small):
        heap = large or small
        labels, size, number = heapq.heappop(heap)
        pick = clusters[number].next()
        if pick is not None:
            picks.append(pick)
            heapq.heappush(heap, (labels + 1, size, number))
    equals = [member for cluster in clusters for member in cluster.equals]
    return picks + equals[: count - len(picks)]


@dataclass
class _Cluster:
    """Members that were not taken yet, handed out the most typical first; those equal to one taken are put aside."""

    points: Points
    members: npt.NDArray[np.intp]
    rng: np.random.Generator
    equals: list[int] = field(default_factory=list)
    size: int = field(init=False)
    _queue: list[int] = field(default_factory=list)
    _taken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.size = len(self.members)

    def next(self) -> int | None:
        """The most typical member left; None where there is none."""
        while self._queue or len(self.members):
            if not self._queue:
                self._fill()
            member = self._queue.pop()
            if self._taken and squared_to(self.points[self._taken], self.points[member]).min() == 0:
                self.equals.append(member)
                continue
            self._taken.append(member)
            return member
        return None

    def _fill(self) -> None:
        """Compare members with each other, at most `_MOST_COMPARED` of them; the least typical is queued first."""
        chosen = self.members
        if len(chosen) > _MOST_COMPARED:
            drawn = self.rng.choice(len(chosen), _MOST_COMPARED, replace=False)
            chosen = chosen[drawn]
            self.members = np.delete(self.members, drawn)
        else:
            self.members = chosen[:0]
        order = np.argsort(-typicality(self.points[chosen]), kind="stable")
        self._queue = [int(member) for member in chosen[order][::-1]]


def typicality(members: Points) -> npt.NDArray[np.float32]:
    """One over the mean distance to the nearest 20 others, to half of them where they are fewer than 40; (n,)."""
    count = min(NEIGHBOURS, len(members) // 2)
    if not count:
        return np.zeros(len(members), np.float32)
    squares = pairwise(members)
    np.fill_diagonal(squares, np.inf)
    near = np.partition(squares, count - 1, axis=1)[:, :count]
    return np.asarray(1 / (np.sqrt(near).mean(axis=1) + _EPSILON), np.float32)
