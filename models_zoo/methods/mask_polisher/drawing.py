"""Spoiling a true mask the way a model would: the reverse of measuring; torch-free.

Everything comes from the caller's generator, so the same seed spoils a mask the same way.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.methods.mask_polisher.error_model import Blobs, ErrorModel
from models_zoo.methods.mask_polisher.measuring import zones
from models_zoo.methods.mask_polisher.regions import (
    MERGE_GAP,
    BoolArray,
    FloatArray,
    LabelMap,
    Piece,
    classes_of,
    filled,
    inside,
    near_pairs,
    objects,
    scale_of,
    signed_distance,
)

_WAVE = 24.0
"""Borders wander over so many pixels of the reference picture."""
_SIZES = (0.6, 1.4)
_LONGEST = 1.8
_BRIDGE = 5.0
_OUTSIDE = 0.7
"""About so much of a leak's ellipse lies outside its object."""
_SOFT = 2.5
_SURE_RANGE = (0.05, 0.999)


def spoil(
    rng: np.random.Generator, labels: LabelMap, model: ErrorModel, background: int | None
) -> tuple[LabelMap, FloatArray]:
    """A mask with the model's mistakes, and how sure the model would be of it.

    Args:
        rng: decides everything.
        labels: the true mask, uint8 (H, W); pixels without a class are given the nearest one's first.
        model: how the mistakes are made.
        background: class that is no object, None where every class is one.

    Returns:
        The spoilt mask, uint8 (H, W), and the best class's probability, float32 (H, W).
    """
    truth = filled(labels)
    if not classes_of(truth):
        return truth, np.full(truth.shape, model.right.means[0], np.float32)
    whole = objects(truth, background)
    spoilt, kept = _swap(rng, truth, whole, model)
    _merge(rng, spoilt, kept, model)
    spoilt = _shift(rng, spoilt, model, background)
    for piece in kept:
        _make_holes(rng, spoilt, piece, model.holes, background)
        _make_leaks(rng, spoilt, piece, model.leaks)
    _make_islands(rng, spoilt, truth, model.islands, background)
    return spoilt, _sureness(rng, truth, spoilt, model)


def _swap(
    rng: np.random.Generator, truth: LabelMap, whole: list[Piece], model: ErrorModel
) -> tuple[LabelMap, list[Piece]]:
    spoilt, kept = truth.copy(), []
    for piece in whole:
        row = model.swaps.get(piece.class_index, {})
        others = [*row, piece.class_index]
        chances = [*row.values(), max(0.0, 1 - sum(row.values()))]
        taken = others[int(rng.choice(len(others), p=np.array(chances) / sum(chances)))]
        spoilt[piece.region] = taken
        if taken == piece.class_index:
            kept.append(piece)
    return spoilt, kept


def _merge(rng: np.random.Generator, spoilt: LabelMap, kept: list[Piece], model: ErrorModel) -> None:
    """A bridge over the narrowest place between two pieces."""
    scale = scale_of(spoilt.shape)
    for first, other, away in near_pairs(kept, MERGE_GAP * scale):
        if rng.random() >= model.merges:
            continue
        end = _place(np.where(other.region, away, np.inf))
        gap = np.hypot(*np.ogrid[-end[1] : spoilt.shape[0] - end[1], -end[0] : spoilt.shape[1] - end[0]])
        start = _place(np.where(first.region, gap, np.inf))
        cv2.line(spoilt, start, end, first.class_index, max(1, round(_BRIDGE * scale)))


def _place(values: npt.NDArray[np.floating]) -> tuple[int, int]:
    """(x, y) of the least value."""
    row, column = divmod(int(values.argmin()), values.shape[1])
    return column, row


def _shift(rng: np.random.Generator, labels: LabelMap, model: ErrorModel, background: int | None) -> LabelMap:
    """Every class is pushed by a smooth field; where two meet, the border moves by half the difference."""
    if model.shift_spread == 0 and model.shift_mean == 0:
        return labels
    scale = scale_of(labels.shape)
    best = np.full(labels.shape, -np.inf, np.float32)
    moved = labels.copy()
    for index in classes_of(labels):
        mean = 2 * model.shift_mean if background is not None and index != background else 0.0
        push = mean + np.sqrt(2) * model.shift_spread * _field(rng, labels.shape)
        score = signed_distance(labels == index) + scale * push
        better = score > best
        best[better], moved[better] = score[better], index
    return moved


def _field(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Smooth noise (H, W) of mean 0 and standard deviation 1."""
    height, width = shape
    cell = _WAVE * scale_of(shape) / 2
    coarse = rng.normal(0, 1, (int(height / cell) + 4, int(width / cell) + 4)).astype(np.float32)
    smooth = cv2.GaussianBlur(coarse, (0, 0), 1.0)
    # What remains of white noise of unit variance after that blur: 1 / (2 sqrt(pi) sigma) of its deviation.
    whole = cv2.resize(smooth * 2 * np.sqrt(np.pi), None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
    return np.asarray(whole[:height, :width], np.float32)


def _make_holes(rng: np.random.Generator, spoilt: LabelMap, piece: Piece, blobs: Blobs, background: int | None) -> None:
    if background is None:
        return
    for _ in range(rng.poisson(blobs.rate)):
        radius = _radius(rng, blobs.size, piece.area)
        depths = inside(piece.region)
        places = np.flatnonzero(depths >= min(radius, 0.5 * float(depths.max())))
        hole = _ellipse(rng, spoilt.shape, int(rng.choice(places)), radius)
        spoilt[hole & piece.region] = background


def _make_leaks(rng: np.random.Generator, spoilt: LabelMap, piece: Piece, blobs: Blobs) -> None:
    for _ in range(rng.poisson(blobs.rate)):
        radius = _radius(rng, blobs.size / np.sqrt(_OUTSIDE), piece.area)
        away = inside(~piece.region)
        places = np.flatnonzero((away > 0.2 * radius) & (away <= max(1.0, 0.5 * radius)))
        if len(places):
            leak = _ellipse(rng, spoilt.shape, int(rng.choice(places)), radius)
            spoilt[leak & ~piece.region] = piece.class_index


def _make_islands(
    rng: np.random.Generator, spoilt: LabelMap, truth: LabelMap, blobs: Blobs, background: int | None
) -> None:
    classes = [index for index in classes_of(truth) if index != background]
    for _ in range(rng.poisson(blobs.rate) if classes else 0):
        index = classes[int(rng.integers(len(classes)))]
        radius = _radius(rng, blobs.size, truth.size)
        away = inside((truth != index) & (spoilt != index))
        places = np.flatnonzero(away > 2 * radius)
        if len(places):
            spoilt[_ellipse(rng, spoilt.shape, int(rng.choice(places)), radius)] = index


def _radius(rng: np.random.Generator, size: float, area: float) -> float:
    """Of a disc whose root of area is ``size`` of the root of ``area``, more or less."""
    return float(rng.uniform(*_SIZES) * size * np.sqrt(area / np.pi))


def _ellipse(rng: np.random.Generator, shape: tuple[int, ...], cell: int, radius: float) -> BoolArray:
    """An ellipse of a disc's area about a cell."""
    row, column = divmod(cell, shape[1])
    longer = float(np.sqrt(rng.uniform(1.0, _LONGEST)))
    axes = max(1, round(radius * longer)), max(1, round(radius / longer))
    drawn = np.zeros(shape, np.uint8)
    cv2.ellipse(drawn, (column, row), axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return drawn > 0


def _sureness(rng: np.random.Generator, truth: LabelMap, spoilt: LabelMap, model: ErrorModel) -> FloatArray:
    """By zone and by whether it is right, with smooth noise; blurred, so that no edge of it tells the truth."""
    zone = zones(spoilt)
    noise = _field(rng, spoilt.shape)
    values = np.zeros(spoilt.shape, np.float32)
    for sureness, chosen in ((model.right, truth == spoilt), (model.wrong, truth != spoilt)):
        means = np.array(sureness.means, np.float32)[zone]
        values[chosen] = (means + sureness.spread * noise)[chosen]
    soft = cv2.GaussianBlur(values, (0, 0), _SOFT * scale_of(spoilt.shape))
    return np.asarray(np.clip(soft, *_SURE_RANGE), np.float32)
