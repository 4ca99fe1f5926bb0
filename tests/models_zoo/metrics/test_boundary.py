"""Boundary IoU by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.metrics import boundary_iou, segmentation_iou
from models_zoo.metrics.boundary import band_width, border_band

LabelMap = npt.NDArray[np.uint8]


def square(side: int, low: int, high: int) -> LabelMap:
    labels = np.zeros((side, side), np.uint8)
    labels[low:high, low:high] = 1
    return labels


def test_the_band_of_a_square_is_its_frame() -> None:
    region = square(9, 2, 7) == 1
    nothing = np.zeros_like(region)
    assert border_band(region, nothing, 1).sum() == 16
    assert border_band(region, nothing, 2).sum() == 24
    assert (border_band(region, nothing, 3) == region).all()


def test_the_edge_of_the_picture_is_a_border_and_the_unknown_is_none() -> None:
    everything = np.ones((4, 5), np.bool_)
    assert border_band(everything, np.zeros_like(everything), 1).sum() == 14
    half = np.zeros((6, 6), np.bool_)
    half[:, :3] = True
    assert border_band(half, ~half, 1).sum() == 3 * 6 - 2 * 4  # frame of the picture only
    assert border_band(half, np.zeros_like(half), 1).sum() == 3 * 6 - 4


def test_boundary_iou_by_hand() -> None:
    truth, predicted = square(20, 4, 12), square(20, 5, 13)
    assert band_width(20, 20) == 1
    # Two frames of 8 by 8, 28 pixels each, one step down the diagonal: they meet in two corners.
    assert boundary_iou([(truth, predicted)], [1])["per_class"] == {1: pytest.approx(2 / 54)}
    assert segmentation_iou([(truth, predicted)], [1])["miou"] == pytest.approx(49 / 79)


def test_a_ragged_outline_costs_more_than_it_does_in_plain_iou() -> None:
    truth, ragged = square(40, 5, 35), square(40, 5, 35)
    ragged[5:35:2, 5] = 0
    found = boundary_iou([(truth, ragged)], [1], width_share=0.018)["miou"]
    plain = segmentation_iou([(truth, ragged)], [1])["miou"]
    assert found is not None and plain is not None and found < 0.9 < plain


def test_images_are_pooled_and_equal_maps_are_perfect() -> None:
    truth = square(20, 4, 12)
    assert boundary_iou([(truth, truth)], [0, 1])["miou"] == 1
    pooled = boundary_iou([(truth, truth), (truth, square(20, 5, 13))], [1])
    assert pooled["per_class"][1] == pytest.approx((28 + 2) / (28 + 54)) and pooled["n"] == 2


def test_ignored_pixels_are_left_out() -> None:
    truth, predicted = square(20, 4, 12), square(20, 4, 12)
    truth[4:12, 10:12] = 255
    predicted[6, 11] = 0
    assert boundary_iou([(truth, predicted)], [1])["miou"] == 1


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(np.full((4, 4), 255, np.uint8), np.ones((4, 4), np.uint8))],
        [(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))],
        [(np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.uint8))],
    ],
)
def test_without_any_border_of_the_class_there_is_no_figure(pairs: list[tuple[LabelMap, LabelMap]]) -> None:
    assert boundary_iou(pairs, [1]) == {"miou": None, "per_class": {}, "n": len(pairs)}


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        boundary_iou([(square(4, 1, 2), square(5, 1, 2))], [1])
    with pytest.raises(ValueError, match="width_share"):
        boundary_iou([], [1], width_share=0)
