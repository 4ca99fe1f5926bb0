"""Calibration by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.metrics import Calibration


def image(truth: list[int], first: list[float]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    p = np.array(first, np.float32)
    return np.array([truth], np.uint8), np.stack([p, 1 - p])[:, None]


def test_the_error_by_hand() -> None:
    found = Calibration([0, 4], bins=10)
    found.add(*image([0, 0, 4, 4], [0.95, 0.95, 0.95, 0.35]))
    result = found.result()
    # 3 pixels said 0.95 and 2 were right; one said 0.65 and was right.
    assert result["ece"] == pytest.approx((3 * abs(0.95 - 2 / 3) + abs(0.65 - 1)) / 4)
    assert result["n"] == 4
    top = result["bins"][9]
    assert (top["n"], top["confidence"], top["accuracy"]) == pytest.approx((3, 0.95, 2 / 3))
    assert (result["bins"][0]["n"], result["bins"][0]["confidence"]) == (0, None)
    # Class 0: 3 pixels said 0.95, 2 were; one said 0.35 and was not. Class 4 mirrors it.
    expected = (3 * abs(0.95 - 2 / 3) + 0.35) / 4
    assert result["per_class"] == {0: pytest.approx(expected), 4: pytest.approx(expected)}
    assert sum(part["n"] for part in result["bins_per_class"][4]) == 4


def test_images_add_up_and_sure_right_answers_are_calibrated() -> None:
    one, two = Calibration([0, 1]), Calibration([0, 1])
    one.add(*image([0, 1], [0.8, 0.4]))
    one.add(*image([1, 1], [0.6, 0.0]))
    two.add(*image([0, 1, 1, 1], [0.8, 0.4, 0.6, 0.0]))
    assert one.result()["ece"] == pytest.approx(two.result()["ece"])
    sure = Calibration([0, 1])
    sure.add(*image([0, 1], [1.0, 0.0]))
    assert sure.result()["ece"] == 0 and sure.result()["bins"][-1]["n"] == 2


def test_ignored_unlabelled_and_unknown_pixels_are_left_out() -> None:
    found = Calibration([0, 1])
    found.add(*image([255, 254, 7], [0.5, float("nan"), 0.5]))
    result = found.result()
    assert (result["ece"], result["per_class"], result["n"]) == (None, {}, 0)


def test_one_class_is_always_right() -> None:
    found = Calibration([3])
    found.add(np.full((2, 2), 3, np.uint8), np.ones((1, 2, 2), np.float32))
    assert found.result()["ece"] == 0 and found.result()["per_class"] == {3: 0}


@pytest.mark.parametrize(
    ("truth", "p", "message"),
    [
        (np.zeros((2, 2), np.uint8), np.full((2, 2, 3), 0.5), "height, width"),
        (np.zeros((2, 2), np.uint8), np.full((3, 2, 2), 1 / 3), "height, width"),
        (np.zeros((2, 2), np.uint8), np.full((2, 2, 2), 0.6), "sum to 1"),
        (np.zeros((2, 2), np.uint8), np.full((2, 2, 2), np.nan), "sum to 1"),
        (np.zeros((1, 1), np.uint8), np.array([-0.5, 1.5]).reshape(2, 1, 1), "0 or more"),
    ],
)
def test_what_is_no_probability_is_refused_and_not_counted(
    truth: npt.NDArray[np.uint8], p: npt.NDArray[np.float64], message: str
) -> None:
    found = Calibration([0, 1])
    with pytest.raises(ValueError, match=message):
        found.add(truth, p)
    assert found.result()["n"] == 0


def test_classes_and_bins_that_make_no_sense_are_refused() -> None:
    for indices, bins in (([], 15), ([1, 1], 15), ([0], 0)):
        with pytest.raises(ValueError):
            Calibration(indices, bins=bins)
