"""Average precision, clicks and localisation by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.metrics import (
    Instance,
    LocalisedImage,
    average_precision,
    box_iou,
    corloc,
    known_localisation,
    mean_clicks,
)


def boxed(x0: float, x1: float, score: float = 1.0, class_index: int = 1, **fields: Any) -> Instance:
    return Instance(class_index=class_index, box=(x0, 0, x1, 10), score=score, **fields)


def masked(columns: slice, score: float = 1.0) -> Instance:
    mask: npt.NDArray[np.bool_] = np.zeros((10, 40), np.bool_)
    mask[:, columns] = True
    return Instance(class_index=1, mask=mask, score=score)


# --- average precision ---------------------------------------------------------------------------


def test_what_is_found_exactly_has_full_precision_and_what_is_missed_has_none() -> None:
    images = [([boxed(0, 10), boxed(20, 30, class_index=2)], [boxed(0, 10, 0.9)])]
    found = average_precision(images, [1, 2, 3], by="box")
    assert found == {
        "ap": pytest.approx(0.5),
        "ap50": pytest.approx(0.5),
        "ap75": pytest.approx(0.5),
        "per_class": {1: pytest.approx(1), 2: 0},
        "n": 2,
    }


def test_an_overlap_counts_at_the_thresholds_it_reaches() -> None:
    """0 to 10 against 0 to 7.8: IoU 0.78, so right at 0.50, 0.55 … 0.75, six of ten thresholds."""
    found = average_precision([([boxed(0, 10)], [boxed(0, 7.8)])], [1], by="box")
    assert (found["ap50"], found["ap75"], found["ap"]) == pytest.approx((1, 1, 0.6))


def test_a_false_one_that_is_surer_halves_the_precision() -> None:
    images = [([boxed(0, 10)], [boxed(20, 30, 0.9), boxed(0, 10, 0.5)])]
    assert average_precision(images, [1], by="box")["ap"] == pytest.approx(0.5)
    later = [([boxed(0, 10)], [boxed(20, 30, 0.4), boxed(0, 10, 0.5)])]
    assert average_precision(later, [1], by="box")["ap"] == pytest.approx(1)


def test_half_of_the_objects_give_precision_up_to_that_recall() -> None:
    # Recalls 0, 0.01 … 0.50 have precision 1: 51 of 101.
    found = average_precision([([boxed(0, 10), boxed(20, 30)], [boxed(0, 10)])], [1], by="box")
    assert found["ap"] == pytest.approx(51 / 101)


def test_masks_are_compared_pixel_by_pixel() -> None:
    """Two thirds: right at 0.50, 0.55, 0.60 and 0.65."""
    found = average_precision([([masked(slice(0, 9))], [masked(slice(0, 6), 0.9)])], [1], by="mask")
    assert (found["ap50"], found["ap75"], found["ap"]) == pytest.approx((1, 0, 0.4))


def test_crowds_are_neither_missed_nor_do_they_make_detections_wrong() -> None:
    images = [([boxed(0, 10), boxed(20, 40, crowd=True)], [boxed(22, 30, 0.9), boxed(0, 10, 0.5)])]
    assert average_precision(images, [1], by="box") | {"per_class": {}} == {
        "ap": pytest.approx(1),
        "ap50": pytest.approx(1),
        "ap75": pytest.approx(1),
        "per_class": {},
        "n": 1,
    }


def test_more_objects_than_a_hundred_need_a_higher_limit() -> None:
    true = [boxed(20 * i, 20 * i + 10) for i in range(150)]
    assert average_precision([(true, true)], [1], by="box", max_detections=150)["ap"] == pytest.approx(1)
    assert average_precision([(true, true)], [1], by="box")["ap"] < 0.7  # type: ignore[operator]


@pytest.mark.parametrize("images", [[], [([], [])], [([], [boxed(0, 10)])], [([boxed(0, 1, class_index=9)], [])]])
def test_without_true_objects_there_is_no_figure(images: list[Any]) -> None:
    nothing: dict[str, Any] = {"ap": None, "ap50": None, "ap75": None, "per_class": {}, "n": 0}
    assert average_precision(images, [1], by="box") == nothing


def test_objects_without_detections_are_all_missed() -> None:
    assert average_precision([([boxed(0, 10)], []), ([], [])], [1], by="box")["ap"] == 0


@pytest.mark.parametrize(
    ("instance", "by", "message"),
    [
        (Instance(class_index=1), "box", "needs a box"),
        (boxed(0, 1), "mask", "needs a mask"),
        (boxed(3, 1), "box", "x0 <= x1"),
        (boxed(0, float("nan")), "box", "x0 <= x1"),
        (boxed(0, 1, score=float("nan")), "box", "score"),
    ],
)
def test_instances_that_cannot_be_compared_are_refused(instance: Instance, by: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        average_precision([([instance], [])], [1], by=by)


def test_masks_of_unequal_size_and_no_classes_are_refused() -> None:
    small = Instance(class_index=1, mask=np.ones((2, 2), np.bool_))
    with pytest.raises(ValueError, match="one size"):
        average_precision([([masked(slice(0, 3)), small], [])], [1], by="mask")
    with pytest.raises(ValueError, match="one size"):
        average_precision([([masked(slice(0, 3))], [small])], [1], by="mask")
    for indices, most in (([], 100), ([1], 0)):
        with pytest.raises(ValueError):
            average_precision([], indices, by="box", max_detections=most)


# --- clicks --------------------------------------------------------------------------------------


def test_clicks_by_hand() -> None:
    curves = [[0.5, 0.9], [0.86], [0.1] * 30, []]
    assert mean_clicks(curves, 0.85) == {"noc": pytest.approx((2 + 1 + 20 + 20) / 4), "failures": 2, "n": 4}
    assert mean_clicks([[0.1, 0.9]], 0.85, limit=1) == {"noc": 1, "failures": 1, "n": 1}
    assert mean_clicks([], 0.9) == {"noc": None, "failures": 0, "n": 0}


@pytest.mark.parametrize(
    ("curves", "target", "limit"), [([[1.2]], 0.9, 20), ([[float("nan")]], 0.9, 20), ([], 90, 20), ([], 0.9, 0)]
)
def test_clicks_of_nonsense_are_refused(curves: list[list[float]], target: float, limit: int) -> None:
    with pytest.raises(ValueError):
        mean_clicks(curves, target, limit=limit)


# --- localisation --------------------------------------------------------------------------------

WHOLE, HALF, AWAY = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 5.0, 10.0), (20.0, 0.0, 30.0, 10.0)


def test_overlap_of_boxes_by_hand() -> None:
    assert box_iou(WHOLE, HALF) == 0.5 and box_iou(WHOLE, AWAY) == 0 and box_iou(WHOLE, WHOLE) == 1
    assert box_iou((5, 5, 15, 15), WHOLE) == pytest.approx(25 / 175)
    assert box_iou((1, 1, 1, 1), (1, 1, 1, 1)) == 0
    for bad in ((1, 0, 0, 1), (0, 0, float("nan"), 1)):
        with pytest.raises(ValueError, match="x0 <= x1"):
            box_iou(bad, WHOLE)


def test_corloc_by_hand() -> None:
    images = [
        LocalisedImage(truth={1: [AWAY, WHOLE], 2: [WHOLE]}, found={1: HALF, 2: AWAY}),
        LocalisedImage(truth={1: [WHOLE]}, found={1: AWAY, 3: WHOLE}),
        LocalisedImage(truth={2: [WHOLE]}),
        LocalisedImage(truth={1: []}, found={1: WHOLE}),
    ]
    assert corloc(images) == {"corloc": pytest.approx((1 / 2 + 0) / 2), "per_class": {1: 0.5, 2: 0}, "n": 3}
    assert corloc(images, least_iou=0.51)["per_class"][1] == 0
    assert corloc([]) == {"corloc": None, "per_class": {}, "n": 0}


def test_known_localisation_by_hand() -> None:
    images = [
        LocalisedImage(truth={1: [WHOLE]}, found={1: HALF, 2: AWAY}, top_class=2),
        LocalisedImage(truth={2: [WHOLE]}, found={2: WHOLE}, top_class=2),
        LocalisedImage(truth={2: [WHOLE]}, found={2: AWAY}, top_class=2),
        LocalisedImage(truth={2: [WHOLE]}),
        LocalisedImage(truth={}),
    ]
    assert known_localisation(images) == {"gt_known": 0.5, "top1": 0.25, "n": 4}
    assert known_localisation(images[-1:]) == {"gt_known": None, "top1": None, "n": 0}
