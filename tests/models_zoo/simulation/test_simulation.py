"""The simulated annotator: truthful marks with a shaky hand, and seconds by the table."""

import math

import numpy as np
import pytest

from models_zoo.label_map import LabelMap
from models_zoo.marks import IGNORE, UNLABELLED, Box, MarkKind, Point, Scribble, Tag, rasterize, validate
from models_zoo.simulation import COSTS, MARK_KINDS, SimulatedAnnotator, full_mask_seconds
from models_zoo.simulation.annotator import mean_iou

CAREFUL = SimulatedAnnotator(seed=3, error_rate=0.0, jitter_px=0.5)


def scene(height: int = 80, width: int = 120) -> LabelMap:
    """Background 0, a disc of 1, a bar of 2, an unknown corner; class 3 is absent."""
    rows, columns = np.mgrid[0:height, 0:width]
    label_map = np.zeros((height, width), np.uint8)
    label_map[(rows - 40) ** 2 + (columns - 35) ** 2 < 20**2] = 1
    label_map[15:70, 80:95] = 2
    label_map[:8, :8] = IGNORE
    return label_map


@pytest.mark.parametrize("kind", MARK_KINDS)
def test_marks_fit_the_image_and_do_not_depend_on_the_order_of_calls(kind: str) -> None:
    label_map = scene()
    first = SimulatedAnnotator(seed=1).marks_for(label_map, kind, [0, 1, 2, 3], background=0)
    annotator = SimulatedAnnotator(seed=1)
    annotator.marks_for(np.zeros((9, 9), np.uint8), kind, [0, 1])
    assert annotator.marks_for(label_map, kind, [3, 2, 1, 0], background=0) == first
    for mark, seconds in first:
        validate(mark, width=120, height=80, class_indices={0, 1, 2, 3})
        assert seconds == COSTS.mark(mark.kind)


def test_another_seed_draws_otherwise() -> None:
    one, two = (SimulatedAnnotator(seed=seed).marks_for(scene(), "scribbles", [0, 1, 2]) for seed in (1, 2))
    assert one != two


def test_strokes_lie_on_their_class() -> None:
    label_map = scene()
    marks = [mark for mark, _ in CAREFUL.marks_for(label_map, "scribbles", [0, 1, 2, 3])]
    assert [mark.class_index for mark in marks] == [0, 1, 2]
    assert all(isinstance(mark, Scribble) for mark in marks)
    seeds = rasterize(marks, width=120, height=80).seeds
    drawn = seeds != UNLABELLED
    assert (seeds[drawn] == label_map[drawn]).mean() > 0.97


def test_points_lie_on_their_class_but_not_all_in_the_middle() -> None:
    label_map = scene()
    places = set()
    for seed in range(12):
        marks = SimulatedAnnotator(seed=seed, error_rate=0, jitter_px=0).marks_for(label_map, "points", [1])
        ((mark, seconds),) = marks
        assert isinstance(mark, Point) and seconds == 2.4
        assert label_map[int(mark.y), int(mark.x)] == 1
        places.add((mark.x, mark.y))
    assert len(places) > 6


def test_boxes_hold_their_object_and_none_is_drawn_around_the_background() -> None:
    marks = [mark for mark, _ in CAREFUL.marks_for(scene(), "boxes", [0, 1, 2, 3], background=0)]
    assert [mark.class_index for mark in marks] == [1, 2]
    box = marks[1]
    assert isinstance(box, Box)
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((80, 15, 95, 70), abs=3)


def test_tags_answer_for_every_class() -> None:
    answers = CAREFUL.marks_for(scene(), "tags", [0, 1, 2, 3])
    assert [mark for mark, _ in answers] == [Tag(0, 1), Tag(1, 1), Tag(2, 1), Tag(3, -1)]
    assert sum(seconds for _, seconds in answers) == 4.0


def test_mixed_answers_for_absent_classes_and_draws_the_others() -> None:
    kinds = {mark.class_index: mark.kind for mark, _ in CAREFUL.marks_for(scene(), "mixed", [0, 1, 2, 3], background=0)}
    assert kinds[3] is MarkKind.TAG and kinds[0] in (MarkKind.SCRIBBLE, MarkKind.POINT)
    assert set(kinds) == {0, 1, 2, 3}


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="scribbles"):
        CAREFUL.marks_for(scene(), "polygons", [0])


def test_a_careless_annotator_names_wrong_classes() -> None:
    careless = SimulatedAnnotator(seed=0, error_rate=1.0)
    ((stroke, _),) = careless.marks_for(np.zeros((30, 30), np.uint8), "scribbles", [0, 1])
    assert stroke.class_index == 1
    assert [mark.sign for mark, _ in careless.marks_for(scene(), "tags", [0, 3])] == [-1, 1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (300, 3)])
@pytest.mark.parametrize("kind", MARK_KINDS)
def test_tiny_and_thin_images_are_marked_too(shape: tuple[int, int], kind: str) -> None:
    label_map = np.zeros(shape, np.uint8)
    label_map.flat[-1] = 1
    for mark, _ in SimulatedAnnotator(seed=0).marks_for(label_map, kind, [0, 1]):
        validate(mark, width=shape[1], height=shape[0], class_indices={0, 1})


def test_an_image_of_unknown_truth_gets_no_drawn_marks() -> None:
    unknown = np.full((20, 20), IGNORE, np.uint8)
    assert CAREFUL.marks_for(unknown, "scribbles", [0, 1]) == []


def test_a_perfect_proposal_is_accepted_and_a_hopeless_one_rejected() -> None:
    label_map = scene()
    accepted = CAREFUL.verify(label_map, label_map, patience_s=10.0)
    assert accepted.action == "accept" and accepted.seconds == 1.5 and accepted.mask is not None
    rejected = CAREFUL.verify(np.full_like(label_map, 3), label_map, patience_s=10.0)
    assert rejected.action == "reject" and rejected.seconds == 2.0 and rejected.mask is None


def test_what_is_too_small_for_a_stroke_gets_a_click_and_a_speck_nothing() -> None:
    label_map = np.zeros((100, 100), np.uint8)
    label_map[10:14, 10:15] = 1  # 0.2 %
    label_map[50:52, 50:53] = 2  # 0.06 %
    drawn = CAREFUL.marks_for(label_map, "scribbles", [0, 1, 2])
    assert [(mark.class_index, mark.kind) for mark, _ in drawn] == [(0, MarkKind.SCRIBBLE), (1, MarkKind.POINT)]
    assert [seconds for _, seconds in drawn] == [COSTS.scribble, COSTS.point]


def test_a_middling_proposal_is_mended_place_by_place_and_a_large_place_takes_longer() -> None:
    label_map = scene()
    proposal = label_map.copy()
    proposal[15:45, 80:95] = 0
    places = math.ceil(30 * 15 / (0.025 * label_map.size))
    verdict = CAREFUL.verify(proposal, label_map, patience_s=100.0)
    assert places > 1
    assert verdict.action == "repair" and verdict.seconds == pytest.approx(places * 2.5 + 1.5)
    assert verdict.mask is not None
    known = label_map != IGNORE
    assert np.array_equal(verdict.mask[known], label_map[known])
    assert CAREFUL.verify(proposal, label_map, patience_s=places * 2.5 - 0.1).action == "reject"


def test_what_is_wrong_where_truth_is_unknown_does_not_count() -> None:
    label_map = scene()
    proposal = label_map.copy()
    proposal[label_map == IGNORE] = 2
    assert mean_iou(proposal, label_map) == 1.0


def test_right_regions_are_taken_and_wrong_ones_left() -> None:
    truth = np.zeros((40, 40), np.uint8)
    truth[:, 20:] = 1
    truth[30:, :10] = 2
    offered = truth.copy()
    offered[30:, :10] = 1  # a wrong region
    offered[:2, :2] = 3  # too small to look at
    verdict = CAREFUL.take_regions(offered, truth, limit=8)
    assert verdict.mask is not None
    assert verdict.action == "take"
    assert verdict.seconds == 2 * COSTS.point + COSTS.accept
    right = offered == truth
    assert (verdict.mask[right] == truth[right]).all()
    assert (verdict.mask[~right] == IGNORE).all()


def test_a_proposal_with_little_that_is_right_is_rejected() -> None:
    truth = np.zeros((40, 40), np.uint8)
    offered = np.ones((40, 40), np.uint8)
    offered[:10] = 0
    verdict = CAREFUL.take_regions(offered, truth, limit=8)
    assert (verdict.action, verdict.mask, verdict.seconds) == ("reject", None, COSTS.reject)


def test_corrections_lie_on_the_largest_errors() -> None:
    label_map = scene()
    proposal = label_map.copy()
    proposal[label_map == 2] = 0
    ((mark, seconds),) = CAREFUL.corrections_for(proposal, label_map)
    assert mark.class_index == 2 and seconds == CAREFUL.costs.scribble
    assert CAREFUL.corrections_for(label_map, label_map) == []


def test_full_masks_cost_one_outline_for_each_class_present() -> None:
    label_map = scene()
    assert full_mask_seconds(label_map) == 1.5 + 3 * 79
    label_map[0, 60] = 7  # one pixel is less than 1 % of the image
    assert full_mask_seconds(label_map) == 1.5 + 3 * 79
    assert full_mask_seconds(np.full((5, 5), IGNORE, np.uint8)) == 1.5


def test_a_class_in_many_pieces_is_one_region() -> None:
    checks = (np.indices((20, 20)).sum(axis=0) // 5 % 2).astype(np.uint8)
    assert full_mask_seconds(checks) == 1.5 + 2 * 79
