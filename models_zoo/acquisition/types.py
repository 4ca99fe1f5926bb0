"""What an acquisition function takes and gives, and how to get one by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from models_zoo.info import UnknownMethod
from models_zoo.registry import list_acquisitions, load_entry

_TOP_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class UncertaintySummary:
    """One image's uncertainty in four numbers, each in 0..1, higher meaning less sure.

    Entropy is that of the class probabilities over its maximum, log C; margin is one minus the lead
    of the likeliest class over the second. ``mean`` over all pixels, ``top`` over the least sure
    quarter: an image may be worth a look for one doubtful corner.
    """

    entropy_mean: float
    entropy_top: float
    margin_mean: float
    margin_top: float


def summarise(probabilities: npt.NDArray[np.floating]) -> UncertaintySummary:
    """Summary of a prediction (C, h, w) whose values sum to 1 over the classes.

    Values that are not finite count as no knowledge at all (most uncertain). Raises ValueError for
    an empty or flat array.
    """
    if probabilities.ndim != 3 or probabilities.size == 0:
        raise ValueError("probabilities must be a non-empty array (classes, h, w)")
    p = probabilities.astype(np.float64).reshape(len(probabilities), -1)
    unknown = ~np.isfinite(p).all(axis=0)
    p = np.clip(np.where(unknown, 1 / len(p), p), 0, 1)
    entropy = -(p * np.log(np.maximum(p, 1e-12))).sum(axis=0) / np.log(max(2, len(p)))
    ordered = np.sort(p, axis=0)
    second = ordered[-2] if len(p) > 1 else np.zeros_like(ordered[-1])
    margin = 1 - (ordered[-1] - second)
    return UncertaintySummary(
        entropy_mean=_bounded(entropy.mean()),
        entropy_top=_bounded(_top_mean(entropy)),
        margin_mean=_bounded(margin.mean()),
        margin_top=_bounded(_top_mean(margin)),
    )


def _top_mean(values: npt.NDArray[np.float64]) -> float:
    count = max(1, round(len(values) * _TOP_SHARE))
    return float(np.partition(values, -count)[-count:].mean())


def _bounded(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


@dataclass(frozen=True, kw_only=True)
class PoolPredictions:
    """What is known about the pool.

    ``ids`` name the images. ``uncertainty`` and ``embeddings`` (N, D) are in the same order and may
    be None where a function does not need them. ``labelled`` (M, D): embeddings of the images that
    already have an accepted mask. ``seed`` breaks ties and drives `random`.
    """

    ids: tuple[str, ...]
    uncertainty: Sequence[UncertaintySummary] | None = None
    embeddings: npt.NDArray[np.float32] | None = None
    labelled: npt.NDArray[np.float32] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together. Raises ValueError."""
        count = len(self.ids)
        if len(set(self.ids)) != count:
            raise ValueError("ids must not repeat")
        if self.uncertainty is not None and len(self.uncertainty) != count:
            raise ValueError("uncertainty must have one summary for each id")
        if self.embeddings is not None and (self.embeddings.ndim != 2 or len(self.embeddings) != count):
            raise ValueError("embeddings must be (ids, D)")
        if self.labelled is None or not self.labelled.size or self.embeddings is None:
            return
        if self.labelled.ndim != 2 or self.labelled.shape[1] != self.embeddings.shape[1]:
            raise ValueError("labelled must have as many columns as embeddings")


@dataclass(frozen=True)
class Ranking:
    """Images, the one most worth looking at first, with finite scores that never rise."""

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    by_id: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        """Index the scores by image."""
        object.__setattr__(self, "by_id", dict(zip(self.ids, self.scores, strict=True)))


class Acquisition(Protocol):
    """Higher means more worth a person's time."""

    def rank(self, pool: PoolPredictions, *, budget: int) -> Ranking:
        """The ``budget`` best images (all of them if there are fewer). Raises ValueError when the pool lacks a part."""


def create_acquisition(name: str) -> Acquisition:
    """The acquisition function of the registered name. Raises UnknownMethod listing the known ones."""
    for info in list_acquisitions():
        if info.name == name:
            return cast(Acquisition, load_entry(info.entry)())
    known = ", ".join(info.name for info in list_acquisitions())
    raise UnknownMethod(f"no acquisition function named {name!r}; there are: {known}")


def ranked(pool: PoolPredictions, scores: npt.NDArray[np.float64], budget: int) -> Ranking:
    """Ids by falling score, ties in an order drawn from the pool's seed; ``budget`` of them."""
    drawn = np.random.default_rng(pool.seed).permutation(len(scores))
    order = drawn[np.argsort(-scores[drawn], kind="stable")][: max(0, budget)]
    return Ranking(tuple(pool.ids[i] for i in order), tuple(float(scores[i]) for i in order))


def needed_uncertainty(pool: PoolPredictions) -> Sequence[UncertaintySummary]:
    """The pool's uncertainty; ValueError if it has none."""
    if pool.uncertainty is None:
        raise ValueError("this acquisition function needs the uncertainty of a model's predictions")
    return pool.uncertainty
