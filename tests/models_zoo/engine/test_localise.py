"""Boxes out of maps, and how often a model's boxes hit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models_zoo import Box, Tag
from models_zoo.engine import Prediction, Predictor
from models_zoo.engine.localise import localise, surest_class, true_boxes
from models_zoo.seeds.boxes import largest_box, region_boxes
from models_zoo.snapshot import read
from tests.models_zoo.toy import DISC, make_snapshot


def _scores(*blocks: tuple[int, int, int, int, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    scores = np.full((12, 16), -2.0, np.float32)
    for x0, y0, x1, y1, height in blocks:
        scores[y0:y1, x0:x1] = height
    return scores


def test_a_box_lies_tightly_round_the_largest_region() -> None:
    scores = _scores((1, 2, 6, 9, 6.0), (10, 1, 13, 3, 8.0))
    assert largest_box(scores, size=(16, 12), threshold=0.5) == (1, 2, 6, 9)
    # 6 is 0.8 of the way from -2 to 8: only the small one is higher.
    assert largest_box(scores, size=(16, 12), threshold=0.9) == (10, 1, 13, 3)


def test_a_box_counts_in_pixels_of_the_image() -> None:
    box = largest_box(_scores((4, 3, 8, 6, 1.0)), size=(32, 24), threshold=0.5)
    assert box == pytest.approx((8, 6, 16, 12), abs=1)


def test_flat_scores_have_no_box_and_odd_thresholds_are_refused() -> None:
    assert largest_box(np.ones((4, 4), np.float32), size=(8, 8), threshold=0.5) is None
    with pytest.raises(ValueError, match="above 0"):
        largest_box(_scores(), size=(16, 12), threshold=0.0)


def test_regions_touch_at_corners_and_come_by_size() -> None:
    inside = np.zeros((6, 8), np.bool_)
    inside[0, 0] = inside[1, 1] = True
    inside[3:6, 4:8] = True
    assert region_boxes(inside) == [(4, 3, 8, 6), (0, 0, 2, 2)]
    assert region_boxes(np.zeros((2, 2), np.bool_)) == []


class _Fixed(Predictor):
    """Sees the class 3 in a rectangle of every image, whatever is there."""

    def __init__(self, rows: slice, columns: slice) -> None:
        self._where = rows, columns

    def predict_batch(self, images: object) -> list[Prediction]:
        assert isinstance(images, list)
        made = []
        for rgb in images:
            likely = np.full((rgb.shape[0] // 4, rgb.shape[1] // 4), 0.1, np.float32)
            likely[self._where] = 0.9
            made.append(Prediction(np.stack([1 - likely, likely]), (0, DISC)))
        return made


def test_boxes_are_measured_against_drawn_ones_and_else_against_masks(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "drawn", count=1, kinds=("box",), val_masks=False)
    make_snapshot(tmp_path / "masks", count=1)
    everywhere = _Fixed(slice(1, None), slice(1, None))
    drawn, masks = (localise(everywhere, tmp_path / name) for name in ("drawn", "masks"))
    assert drawn == masks == {"corloc": 0, "gt_known": 0, "top1": 0, "n": 5}
    snapshot = read(tmp_path / "drawn")
    (x0, y0, x1, y1) = true_boxes(snapshot, snapshot.split("val")[0], {DISC})[DISC][0]
    right = _Fixed(slice(round(y0 / 4), round(y1 / 4)), slice(round(x0 / 4), round(x1 / 4)))
    assert localise(right, tmp_path / "drawn")["gt_known"] >= 0.2  # type: ignore[operator]


def test_boxes_of_no_and_boxes_of_the_background_are_no_objects(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=1, val_masks=False)
    snapshot = read(tmp_path)
    (image,) = snapshot.split("train")
    marks = (Box(DISC, -1, 0, 0, 9, 9), Box(0, 1, 0, 0, 9, 9), Tag(DISC, 1), Box(DISC, 1, 2, 3, 9, 8))
    assert true_boxes(snapshot, type(image)(**{**vars(image), "marks": marks}), {DISC}) == {DISC: [(2, 3, 9, 8)]}
    assert localise(_Fixed(slice(1, 3), slice(1, 3)), tmp_path) == {
        "corloc": None, "gt_known": None, "top1": None, "n": 0,
    }  # fmt: skip


def test_the_surest_class_is_the_one_with_the_surest_cells() -> None:
    everywhere, somewhere = np.full((4, 10), 0.4, np.float32), np.zeros((4, 10), np.float32)
    somewhere[0, :2] = 0.9
    prediction = Prediction(np.stack([1 - everywhere, everywhere, somewhere]), (0, 2, 5))
    assert surest_class(prediction, {2, 5}) == 5
    assert surest_class(prediction, set()) is None
