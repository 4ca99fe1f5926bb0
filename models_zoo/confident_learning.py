"""Which labels are probably wrong: confident learning (Northcutt et al., JAIR 2021), in NumPy.

Needs predictions of models that did not learn from the labels they judge (k-fold): a network that has memorised a
wrong label finds nothing. A class is confident for an item if p_k reaches t_k, the mean of p_k over the items labelled
k; the item is then guessed to be of its confident class, of the likeliest if there are several. Counting guesses by
given label gives the confident joint, and its off-diagonal the labels in doubt.

`of_items` judges images (or marks), `of_pixels` and `of_regions` label maps; lower quality is worse.
Shape letters: N items, C classes, H height, W width, R regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from models_zoo.marks import IGNORE, UNLABELLED

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer]
Rule = Literal["noise_rate", "confident", "class"]

SOFTMIN_TEMPERATURE = 0.1
_UNREACHABLE = 2.0
_TOLERANCE = 1e-6


class LabelCheckError(ValueError):
    """Labels and predictions that cannot be judged; the message says what to mend."""


@dataclass(frozen=True)
class ConfidentJoint:
    """What was labelled i and looks like j.

    Attributes:
        counts: int (C, C), given label by guess; the diagonal is at least 1 for classes that occur.
        joint: (C, C), counts scaled so that rows sum to the number of items with that label.
        thresholds: (C,), t_k; above 1 for a class that nobody labelled.
        guesses: (N,), the guessed class; -1 where none is confident or the label is ignored.
    """

    counts: npt.NDArray[np.int64]
    joint: FloatArray
    thresholds: FloatArray
    guesses: npt.NDArray[np.int64]

    @property
    def noise_rate(self) -> float:
        """The estimated share of wrong labels; 0 without items."""
        total = float(self.joint.sum())
        return 1 - float(np.trace(self.joint)) / total if total else 0.0


@dataclass(frozen=True)
class LabelCheck:
    """Items judged.

    Attributes:
        quality: (N,), 0..1, the probability of the given label; NaN where the label is ignored.
        margin: (N,), (p_y - best other + 1) / 2, 0..1; NaN where the label is ignored.
        suspect: bool (N,), labels that are probably wrong.
        suggestion: (N,), the likeliest class; the given label where it is not suspect, -1 where it is ignored.
        joint: the estimate behind it.
    """

    quality: FloatArray
    margin: FloatArray
    suspect: npt.NDArray[np.bool_]
    suggestion: npt.NDArray[np.int64]
    joint: ConfidentJoint

    def worst_first(self) -> npt.NDArray[np.intp]:
        """Positions of the suspect items, lowest quality first; ties in their order."""
        found = np.flatnonzero(self.suspect)
        return found[np.argsort(self.quality[found], kind="stable")]


def confident_joint(labels: IntArray, probabilities: npt.NDArray[np.floating]) -> ConfidentJoint:
    """Count guesses by given label.

    Args:
        labels: (N,) class positions 0..C-1; `IGNORE` and `UNLABELLED` take no part.
        probabilities: (N, C), out-of-sample.

    Raises:
        LabelCheckError: shapes, labels or probabilities that make no sense.
    """
    probs, counted = _checked(labels, probabilities)
    classes = probs.shape[1]
    given, seen = labels[counted].astype(np.int64), probs[counted]
    sizes = np.bincount(given, minlength=classes)
    own = np.bincount(given, weights=seen[np.arange(len(given)), given], minlength=classes)
    thresholds = np.where(sizes > 0, own / np.maximum(sizes, 1), _UNREACHABLE)
    confident = seen >= thresholds - _TOLERANCE
    best = np.where(confident, seen, -1.0).argmax(axis=1)
    found = np.where(confident.any(axis=1), best, -1)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (given[found >= 0], found[found >= 0]), 1)
    diagonal = np.arange(classes)
    counts[diagonal, diagonal] = np.where(sizes > 0, np.maximum(counts[diagonal, diagonal], 1), 0)
    joint = counts * (sizes / np.maximum(counts.sum(axis=1), 1))[:, None]
    guesses = np.full(len(labels), -1, np.int64)
    guesses[counted] = found
    return ConfidentJoint(counts, joint, thresholds, guesses)


def of_items(labels: IntArray, probabilities: npt.NDArray[np.floating], *, rule: Rule = "noise_rate") -> LabelCheck:
    """Judge one label an item.

    Args:
        labels: (N,) class positions; `IGNORE` and `UNLABELLED` are not judged.
        probabilities: (N, C), from models that did not learn from these labels.
        rule: who is suspect. "confident": whose guess differs from the label. "noise_rate": for each pair (i, j)
            the joint's number of items labelled i with the largest p_j - p_i. "class": for each class as many as
            the joint says are wrong, those with the lowest p_i. One item of each class always stays.
    """
    joint = confident_joint(labels, probabilities)
    probs, counted = _checked(labels, probabilities)
    quality, margin = np.full(len(labels), np.nan), np.full(len(labels), np.nan)
    rows = np.flatnonzero(counted)
    given = labels[rows].astype(np.int64)
    quality[rows] = probs[rows, given]
    if probs.shape[1] > 1:
        others = probs[rows].copy()
        others[np.arange(len(rows)), given] = -1
        margin[rows] = (quality[rows] - others.max(axis=1) + 1) / 2
    else:
        margin[rows] = 1.0
    suspect = _keep_one_each(labels, quality, _suspects(labels, probs, counted, joint, rule))
    suggestion = np.where(counted, labels, -1).astype(np.int64)
    suggestion[suspect] = probs[suspect].argmax(axis=1)
    return LabelCheck(quality, margin, suspect, suggestion, joint)


def _suspects(
    labels: IntArray,
    probs: FloatArray,
    counted: npt.NDArray[np.bool_],
    joint: ConfidentJoint,
    rule: Rule,
) -> npt.NDArray[np.bool_]:
    if rule == "confident":
        return np.asarray((joint.guesses >= 0) & (joint.guesses != labels), np.bool_)
    suspect = np.zeros(len(labels), np.bool_)
    rounded = _rounded(joint.joint)
    for i in np.flatnonzero(joint.counts.any(axis=1)):
        members = np.flatnonzero(counted & (labels == i))
        if rule == "class":
            wrong = int(rounded[i].sum() - rounded[i, i])
            suspect[_lowest(members, probs[members, i], wrong)] = True
            continue
        for j in np.flatnonzero(rounded[i]):
            if j != i:
                lead = probs[members, i] - probs[members, j]
                suspect[_lowest(members, lead, int(rounded[i, j]))] = True
    # An item whose likeliest class is its label is not in doubt, whatever the joint says.
    return np.asarray(suspect & (probs.argmax(axis=1) != labels), np.bool_)


def _rounded(joint: FloatArray) -> npt.NDArray[np.int64]:
    """Whole numbers with the same row sums: the largest remainders are rounded up."""
    low = np.floor(joint + 1e-9)
    missing = np.rint((joint - low).sum(axis=1)).astype(np.int64)
    rank = np.argsort(np.argsort(low - joint, axis=1, kind="stable"), axis=1)
    return np.asarray(low + (rank < missing[:, None]), np.int64)


def _lowest(members: npt.NDArray[np.intp], values: FloatArray, count: int) -> npt.NDArray[np.intp]:
    return members[np.argsort(values, kind="stable")[:count]]


def _keep_one_each(labels: IntArray, quality: FloatArray, suspect: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Of a class whose every item is suspect, the best one is spared."""
    for label in np.unique(labels[suspect]):
        members = np.flatnonzero(labels == label)
        if suspect[members].all():
            suspect[members[np.argmax(quality[members])]] = False
    return suspect


def softmin(scores: npt.NDArray[np.floating], *, temperature: float = SOFTMIN_TEMPERATURE) -> float:
    """sum_i s_i softmax((1 - s) / T)_i: between the smallest score and the mean. NaN scores are left out; NaN if none.

    Raises LabelCheckError for a temperature that is not above 0.
    """
    if temperature <= 0:
        raise LabelCheckError("the temperature of the soft minimum must be above 0")
    kept = np.asarray(scores, np.float64).ravel()
    kept = kept[~np.isnan(kept)]
    if not kept.size:
        return float("nan")
    weights = np.exp((kept.min() - kept) / temperature)
    return float((kept * weights).sum() / weights.sum())


def of_pixels(label_map: IntArray, probabilities: npt.NDArray[np.floating]) -> FloatArray:
    """Quality of each pixel's label, (H, W): the probability of the given class; NaN where there is none.

    Args:
        label_map: (H, W) class positions, `IGNORE` or `UNLABELLED`.
        probabilities: (C, H, W).
    """
    flat = _flat(label_map, probabilities)
    probs, counted = _checked(label_map.ravel(), flat)
    quality = np.full(label_map.size, np.nan)
    rows = np.flatnonzero(counted)
    quality[rows] = probs[rows, label_map.ravel()[rows]]
    return quality.reshape(label_map.shape)


def of_image(label_map: IntArray, probabilities: npt.NDArray[np.floating]) -> float:
    """Quality of a whole label map: the soft minimum over its pixels; NaN when nothing is labelled."""
    return softmin(of_pixels(label_map, probabilities))


def pixel_issues(
    label_maps: Sequence[IntArray], probabilities: Sequence[npt.NDArray[np.floating]], *, every: int = 4
) -> list[npt.NDArray[np.bool_]]:
    """Pixels that are probably labelled wrong, bool (H, W) a map: the guess differs from the label.

    Thresholds come from every `every`-th pixel of each row and column of all maps together, and then judge all pixels.
    """
    if len(label_maps) != len(probabilities):
        raise LabelCheckError("there must be as many label maps as predictions")
    if every < 1:
        raise LabelCheckError("every must be at least 1")
    if not label_maps:
        return []
    labels = np.concatenate([part[::every, ::every].ravel() for part in label_maps])
    flat = [
        _flat(part[::every, ::every], probs[:, ::every, ::every])
        for part, probs in zip(label_maps, probabilities, strict=True)
    ]
    thresholds = confident_joint(labels, np.concatenate(flat)).thresholds
    return [_pixels_off(part, probs, thresholds) for part, probs in zip(label_maps, probabilities, strict=True)]


def _pixels_off(
    label_map: IntArray, probabilities: npt.NDArray[np.floating], thresholds: FloatArray
) -> npt.NDArray[np.bool_]:
    probs, counted = _checked(label_map.ravel(), _flat(label_map, probabilities))
    confident = probs >= thresholds - _TOLERANCE
    best = np.where(confident, probs, -1.0).argmax(axis=1)
    off = counted & confident.any(axis=1) & (best != label_map.ravel())
    return np.asarray(off.reshape(label_map.shape), np.bool_)


def of_regions(
    regions: IntArray, label_map: IntArray, probabilities: npt.NDArray[np.floating]
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Quality (R,) of regions 0..R-1 of a label map, and the class (R,) that their pixels look like.

    Args:
        regions: (H, W), region of each pixel; below 0 belongs to none.
        label_map: (H, W) class positions, `IGNORE` or `UNLABELLED`.
        probabilities: (C, H, W).

    Returns:
        Mean probability of the given labels over a region's labelled pixels, NaN without any; and the class of the
        highest mean probability, -1 without any.
    """
    if regions.shape != label_map.shape:
        raise LabelCheckError(f"regions {regions.shape} and label map {label_map.shape} must have one size")
    quality = of_pixels(label_map, probabilities).ravel()
    use = (regions.ravel() >= 0) & ~np.isnan(quality)
    where, count = regions.ravel()[use], int(regions.max(initial=-1)) + 1
    sizes = np.bincount(where, minlength=count)
    total = np.bincount(where, weights=quality[use], minlength=count)
    looks = np.stack([np.bincount(where, weights=part.ravel()[use], minlength=count) for part in probabilities])
    mean = np.where(sizes > 0, total / np.maximum(sizes, 1), np.nan)
    return mean, np.where(sizes > 0, looks.argmax(axis=0), -1).astype(np.int64)


def _flat(label_map: IntArray, probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    if probabilities.ndim != 3 or probabilities.shape[1:] != label_map.shape:
        raise LabelCheckError(
            f"probabilities must be (classes, {', '.join(map(str, label_map.shape))}), not {probabilities.shape}"
        )
    return probabilities.reshape(len(probabilities), -1).T


def _checked(labels: IntArray, probabilities: npt.NDArray[np.floating]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Probabilities as float64 and which items have a label."""
    if labels.ndim != 1 or probabilities.ndim != 2 or len(labels) != len(probabilities) or not probabilities.shape[1]:
        raise LabelCheckError(
            f"there must be one label and one row of probabilities an item, not {labels.shape}, {probabilities.shape}"
        )
    probs = np.asarray(probabilities, np.float64)
    if not np.isfinite(probs).all() or (probs < 0).any() or (probs > 1 + 1e-4).any():
        raise LabelCheckError("probabilities must be finite and in 0..1; take the softmax of logits first")
    counted = (labels != IGNORE) & (labels != UNLABELLED)
    outside = counted & ((labels < 0) | (labels >= probs.shape[1]))
    if outside.any():
        raise LabelCheckError(
            f"label {labels[outside][0]} is none of the {probs.shape[1]} class positions; give positions, not indices"
        )
    return probs, np.asarray(counted, np.bool_)
