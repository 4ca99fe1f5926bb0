"""From pairs of a model's mask and the accepted one to an `ErrorModel`; torch-free.

Wrong pixels are told apart by kind: an object that mostly has another class was *swapped* and counts for nothing
else. Of the rest, what is thinner than a band around the border is a *shift* of the border; what stays after an
opening by that band is a *hole* (background in an object), a *leak* (touches its class's object) or an *island*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.marks import UNLABELLED
from models_zoo.methods.mask_polisher.error_model import (
    DEPTHS,
    MIN_PAIRS,
    REFERENCE_SIDE,
    Blobs,
    ErrorModel,
    Sureness,
)
from models_zoo.methods.mask_polisher.regions import (
    MERGE_GAP,
    BoolArray,
    FloatArray,
    LabelMap,
    Piece,
    borders,
    classes_of,
    inside,
    near_pairs,
    objects,
    pieces,
    signed_distance,
)

REACH = 12.0
"""A border farther away than this was not shifted; something else happened there."""
BAND = 4.0
_TRUSTED_RANGE = (2.0, 98.0)


@dataclass(frozen=True)
class Pair:
    """A model's mask and what a person accepted, both uint8 (H, W); ``sureness`` float (H, W) in 0..1 or None."""

    predicted: LabelMap
    truth: LabelMap
    sureness: FloatArray | None = None


def measure(pairs: Iterable[Pair], background: int | None) -> ErrorModel:
    """How the model errs; the default where there are fewer than `MIN_PAIRS` pairs.

    Raises:
        ValueError: the maps of a pair differ in size, or its sureness is not finite.
    """
    tally = _Tally(background)
    for pair in pairs:
        tally.add(pair)
    return tally.result() if tally.pairs >= MIN_PAIRS else ErrorModel()


@dataclass
class _Spots:
    count: int = 0
    sizes: list[float] = field(default_factory=list)

    def add(self, area: float, whole: float) -> None:
        self.count += 1
        self.sizes.append(float(np.sqrt(area / whole)))

    def blobs(self, places: int, default: Blobs) -> Blobs:
        size = float(np.mean(self.sizes)) if self.sizes else default.size
        return Blobs(self.count / max(1, places), size)


class _Tally:
    """Counts over all pairs."""

    def __init__(self, background: int | None) -> None:
        self.pairs = 0
        self._background = background
        self._objects = 0
        self._shifts: list[FloatArray] = []
        self._holes, self._leaks, self._islands = _Spots(), _Spots(), _Spots()
        self._merged, self._near = 0, 0
        self._taken: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        # Rows: wrong, right; columns: zones; layers: pixels, sum, sum of squares of the sureness.
        self._sure = np.zeros((3, 2, len(DEPTHS) + 1))

    def add(self, pair: Pair) -> None:
        truth, predicted, sureness = _at_reference(pair)
        valid = truth < UNLABELLED
        if not valid.any():
            return
        self.pairs += 1
        whole = objects(truth, self._background)
        kept, swapped = self._without_swapped(whole, predicted)
        self._objects += len(kept)
        valid &= ~swapped
        self._shift(truth, predicted, valid)
        for piece in kept:
            if self._background is not None:
                for spot in _spots(piece.region & valid & (predicted == self._background)):
                    self._holes.add(float(spot.sum()), piece.area)
        for index in classes_of(predicted):
            if index != self._background:
                self._extra(index, [p for p in kept if p.class_index == index], truth, predicted, valid)
        self._merges(kept, predicted)
        if sureness is not None:
            self._sureness(truth, predicted, sureness, valid)

    def _without_swapped(self, whole: list[Piece], predicted: LabelMap) -> tuple[list[Piece], BoolArray]:
        kept, swapped = [], np.zeros(predicted.shape, np.bool_)
        for piece in whole:
            counts = np.bincount(predicted[piece.region], minlength=256)
            taken = int(counts.argmax())
            if counts[taken] <= piece.area / 2:
                taken = piece.class_index
            self._taken[piece.class_index][taken] += 1
            if taken == piece.class_index:
                kept.append(piece)
            else:
                swapped |= piece.region
        return kept, swapped

    def _shift(self, truth: LabelMap, predicted: LabelMap, valid: BoolArray) -> None:
        """Where the true border of each class lies in the predicted class, as far as one is near."""
        for index in classes_of(truth):
            if index == self._background or not (predicted == index).any():
                continue
            # Both sides of the border are read, half a pixel inside and outside of it.
            edge = borders((truth == index).astype(np.uint8)) & valid
            away = signed_distance(predicted == index)[edge] + np.where(truth[edge] == index, -0.5, 0.5)
            self._shifts.append(np.asarray(away[np.abs(away) <= REACH], np.float32))

    def _extra(self, index: int, own: list[Piece], truth: LabelMap, predicted: LabelMap, valid: BoolArray) -> None:
        wrong = (predicted == index) & (truth != index) & valid
        if not wrong.any():
            return
        met = ((predicted == index) & (truth == index)).astype(np.uint8)
        touched = cv2.dilate(met, _disc(BAND)) > 0
        for spot in _spots(wrong):
            if not (spot & touched).any():
                self._islands.add(float(spot.sum()), truth.size)
            elif own:
                nearest = max(own, key=lambda piece: np.count_nonzero(_grown(spot) & piece.region))
                self._leaks.add(float(spot.sum()), nearest.area)

    def _merges(self, kept: list[Piece], predicted: LabelMap) -> None:
        for first, other, _ in near_pairs(kept, MERGE_GAP):
            same = (predicted == first.class_index).astype(np.uint8)
            _, numbers = cv2.connectedComponents(same, connectivity=4)
            ours, theirs = (np.bincount(numbers[piece.region]) for piece in (first, other))
            ours[0] = theirs[:1] = 0
            self._near += 1
            self._merged += bool(ours.any() and theirs.any() and ours.argmax() == theirs.argmax())

    def _sureness(self, truth: LabelMap, predicted: LabelMap, sureness: FloatArray, valid: BoolArray) -> None:
        zone = zones(predicted)
        for right in (0, 1):
            chosen = valid & ((truth == predicted) == bool(right))
            values = sureness[chosen].astype(np.float64)
            for layer, weights in enumerate((None, values, values**2)):
                self._sure[layer, right] += np.bincount(zone[chosen], weights=weights, minlength=len(DEPTHS) + 1)

    def result(self) -> ErrorModel:
        default = ErrorModel()
        shifts = np.concatenate(self._shifts) if self._shifts else np.zeros(0, np.float32)
        mean, spread = _trimmed(shifts) if len(shifts) else (0.0, default.shift_spread)
        swaps = {}
        for index, row in self._taken.items():
            total = sum(row.values())
            swaps[index] = {other: count / total for other, count in row.items() if other != index}
        return ErrorModel(
            shift_mean=mean,
            shift_spread=spread,
            holes=self._holes.blobs(self._objects, default.holes),
            leaks=self._leaks.blobs(self._objects, default.leaks),
            islands=self._islands.blobs(self.pairs, default.islands),
            merges=self._merged / self._near if self._near else default.merges,
            swaps={index: row for index, row in swaps.items() if row},
            wrong=self._sure_of(0, default.wrong),
            right=self._sure_of(1, default.right),
            pairs=self.pairs,
        )

    def _sure_of(self, right: int, default: Sureness) -> Sureness:
        counts, sums, squares = self._sure[:, right]
        if not counts.sum():
            return default
        means = np.where(counts > 0, sums / np.maximum(counts, 1), default.means)
        # Each zone about its own mean; what is left is the spread within zones.
        variance = float((squares - sums * means)[counts > 0].sum() / counts.sum())
        a, b, c, d = (float(value) for value in means)
        return Sureness((a, b, c, d), float(np.sqrt(max(0.0, variance))))


def zones(labels: LabelMap) -> npt.NDArray[np.intp]:
    """Which zone of `Sureness` each pixel (H, W) lies in, by its distance to the nearest border."""
    away = inside(~borders(labels)) + 0.5
    return np.asarray(np.digitize(away * REFERENCE_SIDE / max(labels.shape), DEPTHS), np.intp)


def _at_reference(pair: Pair) -> tuple[LabelMap, LabelMap, FloatArray | None]:
    height, width = pair.truth.shape
    if pair.predicted.shape != pair.truth.shape:
        raise ValueError(f"the masks of a pair differ in size: {pair.predicted.shape} and {pair.truth.shape}")
    if pair.sureness is not None and not np.isfinite(pair.sureness).all():
        raise ValueError("sureness holds NaN or infinity: the model's output is damaged; train again or use another")
    scale = REFERENCE_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    truth, predicted = (
        np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        for part in (pair.truth, pair.predicted)
    )
    if pair.sureness is None:
        return truth, predicted, None
    return truth, predicted, np.asarray(cv2.resize(pair.sureness, size, interpolation=cv2.INTER_AREA), np.float32)


def _spots(region: BoolArray) -> list[BoolArray]:
    """Pieces of a region that are wider than the band."""
    opened = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, _disc(BAND))
    return pieces(np.asarray(opened, np.bool_), 1)


def _disc(radius: float) -> npt.NDArray[np.uint8]:
    side = 2 * int(radius) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _grown(region: BoolArray) -> BoolArray:
    return np.asarray(cv2.dilate(region.astype(np.uint8), _disc(BAND)), np.bool_)


def _trimmed(values: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation, the outermost 2 % on either side drawn in to the rest."""
    low, high = np.percentile(values, _TRUSTED_RANGE)
    held = np.clip(values, low, high)
    return float(held.mean()), float(held.std())
