"""How much several predictions of one image contradict each other.

The predictions may be passes with dropout left on (Gal, Islam and Ghahramani, ICML 2017), models of an
ensemble, or views: the same picture mirrored or scaled, and the answer brought back.

Shape letters: T predictions, C classes, h, w pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.types import bounded, top_mean

_TINY = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """One image's disagreement, each number in 0..1, higher meaning less agreed.

    ``information`` is the mutual information between the answer and which prediction gave it (BALD), over
    its maximum, the log of the smaller of T and C. ``votes`` is the entropy of the T likeliest classes over
    the same maximum. ``mean`` over all pixels, ``top`` over the least agreed quarter.
    """

    information_mean: float
    information_top: float
    votes_mean: float
    votes_top: float


def checked_passes(passes: npt.NDArray[np.floating] | Sequence[npt.NDArray[np.floating]]) -> npt.NDArray[np.float64]:
    """Predictions (T, C, h, w) as float64, pixels that are no numbers taken as no knowledge at all.

    Raises ValueError for another shape, unequal ones, or fewer than two predictions.
    """
    shapes = {part.shape for part in passes}
    if len(shapes) > 1:
        raise ValueError(f"predictions of one image must be of one shape, not of {sorted(shapes)}")
    stacked = np.asarray(passes, np.float64)
    if stacked.ndim != 4 or stacked.size == 0:
        raise ValueError(f"predictions must be (predictions, classes, h, w) and not empty, not {stacked.shape}")
    if len(stacked) < 2:
        raise ValueError("one prediction cannot disagree; give two or more views, dropout passes or models")
    unknown = ~np.isfinite(stacked).all(axis=1, keepdims=True)
    return np.clip(np.where(unknown, 1 / stacked.shape[1], stacked), 0, 1)


def entropy(p: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    """Entropy in nats along the axis of the classes."""
    return np.asarray(-(p * np.log(np.maximum(p, _TINY))).sum(axis=axis), np.float64)


def information(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """BALD a pixel (h, w) in nats, of (T, C, h, w): entropy of the mean less the mean of the entropies."""
    gained = entropy(p.mean(axis=0), axis=0) - entropy(p, axis=1).mean(axis=0)
    return np.asarray(np.maximum(gained, 0), np.float64)


def disagree(passes: npt.NDArray[np.floating] | Sequence[npt.NDArray[np.floating]]) -> Disagreement:
    """Disagreement between T >= 2 predictions (C, h, w) of one image, whose values sum to 1 over the classes."""
    p = checked_passes(passes)
    most = np.log(max(2, min(p.shape[0], p.shape[1])))
    found = information(p).ravel() / most
    votes = (p.argmax(axis=1)[:, None] == np.arange(p.shape[1])[None, :, None, None]).mean(axis=0)
    split = entropy(votes, axis=0).ravel() / most
    return Disagreement(
        information_mean=bounded(found.mean()),
        information_top=bounded(top_mean(found)),
        votes_mean=bounded(split.mean()),
        votes_top=bounded(top_mean(split)),
    )
