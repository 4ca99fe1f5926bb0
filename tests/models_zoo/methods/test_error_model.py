"""Errors of a known strength are measured as that strength, and what was measured can be drawn again."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo import IGNORE
from models_zoo.methods.mask_polisher.drawing import spoil
from models_zoo.methods.mask_polisher.error_model import (
    MIN_PAIRS,
    Blobs,
    ErrorModel,
    ErrorModelError,
    Sureness,
    from_json,
)
from models_zoo.methods.mask_polisher.measuring import Pair, measure
from models_zoo.methods.mask_polisher.regions import filled

GROUND, DISC, RING = 0, 3, 7
NOTHING = ErrorModel(
    shift_spread=0.0, holes=Blobs(0.0, 0.2), leaks=Blobs(0.0, 0.2), islands=Blobs(0.0, 0.06), merges=0.0
)
LabelMap = npt.NDArray[np.uint8]


def scene(number: int, *, side: int = 256, near: bool = False) -> LabelMap:
    """Two large discs of different classes; with ``near`` two of one class, 5 px apart."""
    rng = np.random.default_rng(number)
    ys, xs = np.mgrid[:side, :side] * 256.0 / side
    labels = np.zeros((side, side), np.uint8)
    middle = 128 + rng.uniform(-10, 10)
    places = [(65.0, middle, DISC), (190.0, middle, RING)]
    if near:
        places = [(127.5 - 47.5, 128.0, DISC), (127.5 + 47.5, 128.0, DISC)]
    for x, y, index in places:
        labels[(xs - x) ** 2 + (ys - y) ** 2 < 45.0**2] = index
    return labels


def drawn(model: ErrorModel, count: int, **how: bool) -> list[Pair]:
    pairs = []
    for number in range(count):
        truth = scene(number, **how)
        predicted, sureness = spoil(np.random.default_rng([9, number]), truth, model, GROUND)
        pairs.append(Pair(predicted, truth, sureness))
    return pairs


def test_a_perfect_model_has_no_errors() -> None:
    found = measure([Pair(scene(n), scene(n)) for n in range(MIN_PAIRS)], GROUND)
    assert (found.holes.rate, found.leaks.rate, found.islands.rate, found.swaps) == (0, 0, 0, {})
    assert found.shift_spread == pytest.approx(0, abs=0.01) and found.shift_mean == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("mean", "spread"), [(0.0, 2.5), (3.0, 1.0), (-3.0, 1.0)])
def test_shifts_of_borders_are_found(mean: float, spread: float) -> None:
    found = measure(drawn(dataclasses.replace(NOTHING, shift_mean=mean, shift_spread=spread), 15), GROUND)
    assert found.shift_mean == pytest.approx(mean, abs=0.5)
    assert found.shift_spread == pytest.approx(spread, rel=0.3)


@pytest.mark.parametrize("kind", ["holes", "leaks", "islands"])
@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_spots_are_counted_by_kind_and_size(kind: str, rate: float) -> None:
    size = 0.12 if kind == "islands" else 0.3
    change: dict[str, Any] = {kind: Blobs(rate, size)}
    model = dataclasses.replace(NOTHING, **change)
    found = measure(drawn(model, 50), GROUND)
    for other in {"holes", "leaks", "islands"} - {kind}:
        assert getattr(found, other).rate <= 0.1 * rate
    spots: Blobs = getattr(found, kind)
    assert spots.rate == pytest.approx(rate, rel=0.35)
    assert spots.size == pytest.approx(size, rel=0.3)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_merges_are_counted_among_near_pairs(chance: float) -> None:
    found = measure(drawn(dataclasses.replace(NOTHING, merges=chance), 25, near=True), GROUND)
    assert found.merges == pytest.approx(chance, abs=0.15)


def test_swapped_objects_are_counted_by_class_and_count_as_nothing_else() -> None:
    swaps = {DISC: {RING: 0.4}, RING: {GROUND: 0.25}}
    found = measure(drawn(dataclasses.replace(NOTHING, swaps=swaps), 50), GROUND)
    assert found.swaps[DISC][RING] == pytest.approx(0.4, abs=0.12)
    assert found.swaps[RING][GROUND] == pytest.approx(0.25, abs=0.12)
    assert (found.holes.rate, found.leaks.rate, found.islands.rate) == (0, 0, 0)


def test_sureness_is_measured_apart_for_right_and_wrong_pixels() -> None:
    right, wrong = Sureness((0.95,) * 4, 0.02), Sureness((0.6,) * 4, 0.02)
    model = dataclasses.replace(NOTHING, holes=Blobs(1.0, 0.4), right=right, wrong=wrong)
    found = measure(drawn(model, 12), GROUND)
    assert found.right.means[3] == pytest.approx(0.95, abs=0.03)
    assert found.wrong.means[2] == pytest.approx(0.6, abs=0.08)


def test_drawing_from_what_was_measured_gives_the_same_rates_again() -> None:
    model = dataclasses.replace(NOTHING, shift_spread=1.5, holes=Blobs(0.6, 0.3), leaks=Blobs(0.6, 0.35))
    first = measure(drawn(model, 30), GROUND)
    again = measure(drawn(first, 30), GROUND)
    assert again.shift_spread == pytest.approx(first.shift_spread, rel=0.3)
    assert again.holes.rate == pytest.approx(first.holes.rate, rel=0.35)
    assert again.leaks.rate == pytest.approx(first.leaks.rate, rel=0.35)


def test_numbers_hold_at_every_size() -> None:
    model = dataclasses.replace(NOTHING, shift_mean=3.0, shift_spread=0.5)
    pairs = []
    for number in range(8):
        truth = scene(number, side=512)
        pairs.append(Pair(spoil(np.random.default_rng(number), truth, model, GROUND)[0], truth))
    assert measure(pairs, GROUND).shift_mean == pytest.approx(3.0, abs=0.6)


def test_the_same_seed_spoils_alike_and_another_differently() -> None:
    truth = scene(0)
    first, second, other = (spoil(np.random.default_rng(seed), truth, ErrorModel(), GROUND) for seed in (1, 1, 2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])


def test_few_pairs_give_the_default() -> None:
    assert measure(drawn(NOTHING, MIN_PAIRS - 1), GROUND) == ErrorModel()


def test_ignored_pixels_take_the_nearest_class_before_spoiling_and_are_not_measured() -> None:
    truth = scene(0)
    truth[:, 128:] = IGNORE
    assert set(np.unique(filled(truth))) == {GROUND, DISC}
    predicted = np.where(truth == IGNORE, RING, truth).astype(np.uint8)
    found = measure([Pair(predicted, truth)] * MIN_PAIRS, GROUND)
    assert found.islands.rate == 0 and found.leaks.rate == 0


@pytest.mark.parametrize("labels", [np.full((1, 1), DISC, np.uint8), np.full((40, 8), IGNORE, np.uint8), scene(0) * 0])
def test_masks_with_nothing_to_spoil_come_back_whole(labels: LabelMap) -> None:
    spoilt, sureness = spoil(np.random.default_rng(0), labels, ErrorModel(), GROUND)
    assert spoilt.shape == sureness.shape == labels.shape
    assert np.isfinite(sureness).all()


def test_a_project_without_a_background_is_measured_too() -> None:
    truth = [np.where(scene(n) == GROUND, 1, scene(n)).astype(np.uint8) for n in range(MIN_PAIRS)]
    spoilt = [spoil(np.random.default_rng(n), labels, ErrorModel(), None)[0] for n, labels in enumerate(truth)]
    found = measure([Pair(p, t) for p, t in zip(spoilt, truth, strict=True)], None)
    assert found.holes.rate == 0 and found.shift_spread > 1


def test_the_numbers_survive_json() -> None:
    model = dataclasses.replace(ErrorModel(), swaps={3: {7: 0.25}}, pairs=9)
    assert from_json(model.to_json()) == model


@pytest.mark.parametrize("text", ["", "[]", "{}", ErrorModel().to_json().replace("3.0", "NaN")])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ErrorModelError, match="measure the errors again"):
        from_json(text)


def test_impossible_numbers_are_refused() -> None:
    impossible: list[dict[str, Any]] = [
        {"merges": 1.5},
        {"shift_spread": -1.0},
        {"swaps": {1: {2: 0.7, 3: 0.7}}},
        {"shift_mean": math.nan},
    ]
    for wrong in impossible:
        with pytest.raises(ErrorModelError):
            ErrorModel(**wrong)


def test_pairs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        measure([Pair(scene(0), scene(0)[:10])], GROUND)
    broken = np.full((256, 256), np.nan, np.float32)
    with pytest.raises(ValueError, match="NaN"):
        measure([Pair(scene(0), scene(0), broken)], GROUND)
