"""IoU and accuracy by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models_zoo.metrics import mark_accuracy, segmentation_iou


def _map(*rows: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.array(rows, np.uint8)


def test_iou_by_hand_leaves_ignored_pixels_out() -> None:
    truth, predicted = _map([0, 0, 1, 1], [255, 2, 2, 1]), _map([0, 1, 1, 1], [0, 2, 0, 1])
    found = segmentation_iou([(truth, predicted)], [0, 1, 2, 3])
    assert found["per_class"] == {0: 1 / 3, 1: 3 / 4, 2: 1 / 2}
    assert found["miou"] == pytest.approx((1 / 3 + 3 / 4 + 1 / 2) / 3)
    assert found["n"] == 1


def test_pixels_of_all_images_are_pooled() -> None:
    pairs = [(_map([1, 1, 1, 1]), _map([1, 1, 1, 1])), (_map([1, 0]), _map([0, 0]))]
    assert segmentation_iou(pairs, [0, 1])["per_class"] == {0: 1 / 2, 1: 4 / 5}


def test_an_ignored_prediction_is_wrong() -> None:
    assert segmentation_iou([(_map([1, 1]), _map([1, 255]))], [1])["miou"] == 0.5


def test_nothing_to_compare_is_none() -> None:
    assert segmentation_iou([], [0, 1])["miou"] is None
    assert mark_accuracy([])["accuracy"] is None


def test_maps_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        segmentation_iou([(_map([1]), _map([1, 1]))], [1])


def test_mark_accuracy_counts_classes_alike() -> None:
    seeds, predicted = _map([0, 0, 0, 0, 1, 254, 255]), _map([0, 0, 0, 1, 1, 0, 0])
    found = mark_accuracy([(seeds, predicted)])
    assert found["per_class"] == {0: 0.75, 1: 1.0}
    assert found["accuracy"] == 0.875
