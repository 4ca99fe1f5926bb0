"""What an acquisition function takes and gives, and how to get one by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from models_zoo.info import UnknownMethod
from models_zoo.registry import list_acquisitions, load_entry

if TYPE_CHECKING:
    from models_zoo.acquisition.disagreement import Disagreement
    from models_zoo.acquisition.questions import BestQuestion
    from models_zoo.acquisition.regions import RegionDoubt

_TOP_SHARE = 0.25
_CHECKED_ROWS = 8192
_NAMED = 3

Summary = TypeVar("Summary")


@dataclass(frozen=True, kw_only=True, slots=True)
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
        entropy_mean=bounded(entropy.mean()),
        entropy_top=bounded(top_mean(entropy)),
        margin_mean=bounded(margin.mean()),
        margin_top=bounded(top_mean(margin)),
    )


def top_mean(values: npt.NDArray[np.float64]) -> float:
    """Mean of the largest quarter, of one value at least."""
    count = max(1, round(len(values) * _TOP_SHARE))
    return float(np.partition(values, -count)[-count:].mean())


def bounded(value: float) -> float:
    """The value, brought into 0..1."""
    return float(min(1.0, max(0.0, value)))


@dataclass(frozen=True, kw_only=True)
class PoolPredictions:
    """What is known about the pool.

    ``ids`` name the images. Everything else is in the same order and may be None where a function
    does not need it (`AcquisitionInfo.needs` lists what it needs):

    * ``uncertainty``: of one prediction, by `summarise`;
    * ``disagreement``: between several, by `disagreement.disagree`;
    * ``regions``: the most doubtful region of each image, by `regions.doubtful_region`;
    * ``questions``: what to ask about each image, by `questions.best_question`;
    * ``embeddings`` (N, D): float16, float32 or float64; they are read in blocks and never copied;
    * ``residuals`` (N, C): the slope of the loss by class if the model's own answer were the truth,
      by `badge.residual`.

    ``labelled`` (M, D): embeddings of the images that already have an accepted mask. ``seed`` breaks
    ties and drives every draw.
    """

    ids: tuple[str, ...]
    uncertainty: Sequence[UncertaintySummary] | None = None
    disagreement: Sequence[Disagreement] | None = None
    regions: Sequence[RegionDoubt] | None = None
    questions: Sequence[BestQuestion] | None = None
    embeddings: npt.NDArray[np.floating] | None = None
    labelled: npt.NDArray[np.floating] | None = None
    residuals: npt.NDArray[np.floating] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together, and numbers that are none. Raises ValueError."""
        count = len(self.ids)
        if len(set(self.ids)) != count:
            raise ValueError("ids must not repeat; name each image once")
        if self.seed < 0:
            raise ValueError("seed must be 0 or more")
        for name in ("uncertainty", "disagreement", "regions", "questions"):
            part = getattr(self, name)
            if part is not None and len(part) != count:
                raise ValueError(f"{name} must have one entry for each id: {len(part)} for {count} ids")
        self._check_matrix("embeddings", count)
        self._check_matrix("residuals", count)
        if self.labelled is None or self.embeddings is None:
            return
        if self.labelled.ndim != 2 or self.labelled.shape[1] != self.embeddings.shape[1]:
            raise ValueError(
                f"labelled must be (images, {self.embeddings.shape[1]}) as embeddings are, not {self.labelled.shape}; "
                "compute both with the same encoder"
            )
        broken = _rows_not_finite(self.labelled)
        if len(broken):
            raise ValueError(
                f"labelled has values that are no numbers in row {broken[0]}; leave out such images "
                "or compute their embeddings again"
            )

    def _check_matrix(self, name: str, count: int) -> None:
        matrix = getattr(self, name)
        if matrix is None:
            return
        if matrix.ndim != 2 or len(matrix) != count or (count and not matrix.shape[1]):
            raise ValueError(f"{name} must be a row of numbers for each of {count} ids, not of shape {matrix.shape}")
        if not np.issubdtype(matrix.dtype, np.floating):
            raise ValueError(f"{name} must be floating-point numbers, not {matrix.dtype}")
        broken = _rows_not_finite(matrix)
        if len(broken):
            named = ", ".join(self.ids[row] for row in broken[:_NAMED])
            more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
            raise ValueError(
                f"{name} has values that are no numbers for {named}{more}; leave out such images or compute them again"
            )


def _rows_not_finite(matrix: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    """Rows with NaN or infinity, found block by block."""
    found = []
    for start in range(0, len(matrix), _CHECKED_ROWS):
        fine = np.isfinite(matrix[start : start + _CHECKED_ROWS])
        if not fine.all():
            found.append(np.flatnonzero(~fine.all(axis=1)) + start)
    return np.concatenate(found) if found else np.zeros(0, np.intp)


@dataclass(frozen=True)
class Ranking:
    """Images, the one most worth looking at first, with finite scores that never rise.

    ``questions`` says what to ask about each, where the function knows it; otherwise it is empty.
    """

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    questions: tuple[str, ...] = ()
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


def tie_order(count: int, seed: int) -> npt.NDArray[np.intp]:
    """Each position's place in an order drawn from the seed: of equals, the one with the lowest place comes first."""
    places = np.empty(count, np.intp)
    places[np.random.default_rng(seed).permutation(count)] = np.arange(count)
    return places


def ranked(pool: PoolPredictions, scores: npt.NDArray[np.float64], budget: int) -> Ranking:
    """Ids by falling score, ties in an order drawn from the pool's seed; ``budget`` of them.

    Raises ValueError naming an image whose score is not a number.
    """
    broken = np.flatnonzero(~np.isfinite(scores))
    if len(broken):
        raise ValueError(
            f"the score of {pool.ids[broken[0]]} is not a number; predict that image again or leave it out"
        )
    drawn = np.random.default_rng(pool.seed).permutation(len(scores))
    order = drawn[np.argsort(-scores[drawn], kind="stable")][: max(0, budget)]
    return Ranking(tuple(pool.ids[i] for i in order), tuple(float(scores[i]) for i in order))


def _needed(part: Summary | None, what: str) -> Summary:
    if part is None:
        raise ValueError(f"this acquisition function needs {what}")
    return part


def needed_uncertainty(pool: PoolPredictions) -> Sequence[UncertaintySummary]:
    """The pool's uncertainty; ValueError if it has none."""
    return _needed(pool.uncertainty, "the uncertainty of a model's predictions")


def needed_disagreement(pool: PoolPredictions) -> Sequence[Disagreement]:
    """The pool's disagreement; ValueError if it has none."""
    return _needed(pool.disagreement, "several predictions of each image (views, dropout passes or models)")


def needed_regions(pool: PoolPredictions) -> Sequence[RegionDoubt]:
    """The pool's regions; ValueError if it has none."""
    return _needed(pool.regions, "the doubtful regions of the images")


def needed_questions(pool: PoolPredictions) -> Sequence[BestQuestion]:
    """The pool's questions; ValueError if it has none."""
    return _needed(pool.questions, "the best question about each image")


def needed_embeddings(pool: PoolPredictions) -> npt.NDArray[np.floating]:
    """The pool's embeddings; ValueError if it has none."""
    return _needed(pool.embeddings, "the embeddings of the images")


def needed_residuals(pool: PoolPredictions) -> npt.NDArray[np.floating]:
    """The pool's residuals; ValueError if it has none."""
    return _needed(pool.residuals, "the residuals of a model's predictions")
