"""Proposals: of the image's size, true to the marks, honest about doubt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo import Box, Mark, Point, Scribble, Tag, UnknownMethod
from models_zoo.methods.base import Prediction
from models_zoo.polish import polish
from models_zoo.refiners.info import NAMES

INDICES = (0, 4, 9)


def _prediction(*values: float, shape: tuple[int, int] = (12, 16)) -> Prediction:
    probabilities = np.empty((3, *shape), np.float32)
    probabilities[:] = np.array(values, np.float32).reshape(3, 1, 1)
    return Prediction(probabilities, INDICES)


def _grey(width: int = 64, height: int = 48) -> npt.NDArray[np.uint8]:
    return np.full((height, width, 3), 128, np.uint8)


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (1300, 20), (1, 1)])
def test_maps_have_the_size_of_the_image(size: tuple[int, int]) -> None:
    polished = polish(_prediction(0.2, 0.7, 0.1), _grey(*size))
    for part in (polished.label_map, polished.confidence, polished.uncertainty):
        assert part.shape == (size[1], size[0])
        assert part.dtype == np.uint8
    assert np.unique(polished.label_map).tolist() == [4]


def test_strokes_are_in_the_mask_exactly() -> None:
    stroke = Scribble(9, 1, ((5.0, 5.0), (40.0, 30.0)), 3.0)
    polished = polish(_prediction(0.9, 0.1, 0.0), _grey(), [stroke])
    assert polished.label_map[17, 22] == 9
    assert polished.confidence[17, 22] == 255
    assert polished.uncertainty[17, 22] == 0


def test_absent_classes_are_left_out() -> None:
    polished = polish(_prediction(0.3, 0.6, 0.1), _grey(), [Tag(4, -1)])
    assert np.unique(polished.label_map).tolist() == [0]


def test_a_boxed_class_stays_in_its_box() -> None:
    rgb = _grey()
    rgb[12:36, 16:48] = 30
    polished = polish(_prediction(0.3, 0.6, 0.1), rgb, [Box(4, 1, 16, 12, 48, 36)])
    assert (polished.label_map[12:36, 16:48] == 4).mean() > 0.95
    assert (polished.label_map[:12] == 0).all() and (polished.label_map[:, 48:] == 0).all()


def test_a_negative_point_pushes_the_class_away() -> None:
    polished = polish(_prediction(0.45, 0.55, 0.0), _grey(), [Point(4, -1, 30.0, 20.0)], refiner="none")
    assert polished.label_map[20, 30] == 0
    assert polished.label_map[5, 5] == 4


def test_doubt_is_the_gap_between_the_two_best() -> None:
    sure, torn = polish(_prediction(1.0, 0.0, 0.0), _grey()), polish(_prediction(0.5, 0.5, 0.0), _grey())
    assert sure.score == 0.0
    assert torn.score == pytest.approx(1.0, abs=0.01)
    assert torn.uncertainty.min() >= 254


def test_marks_of_classes_the_model_does_not_know_are_ignored() -> None:
    polished = polish(_prediction(0.9, 0.1, 0.0), _grey(), [Point(77, 1, 5.0, 5.0)])
    assert np.unique(polished.label_map).tolist() == [0]


def test_the_same_input_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1, 1], (12, 16)).transpose(2, 0, 1).astype(np.float32)
    rgb = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
    first, second = (polish(Prediction(probabilities, INDICES), rgb) for _ in range(2))
    assert first.label_map.tobytes() == second.label_map.tobytes()


@pytest.mark.parametrize("refiner", NAMES)
def test_any_refiner_obeys_strokes_and_boxes(refiner: str) -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1, 1], (12, 16)).transpose(2, 0, 1).astype(np.float32)
    marks: list[Mark] = [Scribble(9, 1, ((5.0, 5.0), (40.0, 30.0)), 3.0), Box(4, 1, 16, 12, 48, 36)]
    polished = polish(Prediction(probabilities, INDICES), _grey(260, 210), marks, refiner=refiner)
    assert polished.label_map[17, 22] == 9 and polished.confidence[17, 22] == 255
    assert not (polished.label_map[40:] == 4).any() and not (polished.label_map[:, 52:] == 4).any()


def test_an_unknown_refiner_is_refused_by_name() -> None:
    with pytest.raises(UnknownMethod, match="random_walk"):
        polish(_prediction(0.3, 0.6, 0.1), _grey(), refiner="magic")
