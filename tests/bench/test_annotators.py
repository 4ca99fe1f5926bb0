"""The simulated person of the interactive benchmark keeps to the object it was given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("cv2")
pytest.importorskip("skimage")

from bench.annotators import (
    GROUND,
    OBJECT,
    Clicker,
    first_strokes,
    frame_strokes,
    iou,
    loose_box,
    next_strokes,
    stroke,
    strokes_of_map,
)
from models_zoo import UNLABELLED, Mark, Point, Scribble, rasterize
from models_zoo.metrics import number_of_clicks

BoolArray = npt.NDArray[np.bool_]
HEIGHT, WIDTH = 90, 120
NOTHING = np.zeros((HEIGHT, WIDTH), np.bool_)


def disc(row: float = 45, column: float = 60, radius: float = 22) -> BoolArray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 < radius**2)


def ring() -> BoolArray:
    return disc(radius=30) & ~disc(radius=27)


def diagonal() -> BoolArray:
    return np.eye(HEIGHT, WIDTH, dtype=np.bool_)


def single_pixel() -> BoolArray:
    where = NOTHING.copy()
    where[0, WIDTH - 1] = True
    return where


def drawn(marks: list[Mark]) -> npt.NDArray[np.uint8]:
    return rasterize(marks, width=WIDTH, height=HEIGHT).seeds


REGIONS = {"disc": disc(), "ring": ring(), "one pixel wide": diagonal(), "one pixel": single_pixel(), "all": ~NOTHING}


@pytest.mark.parametrize("region", REGIONS.values(), ids=list(REGIONS))
def test_a_stroke_stays_inside_its_region(region: BoolArray) -> None:
    covered = drawn([stroke(region, OBJECT, 40)]) == OBJECT
    assert covered.any() and not (covered & ~region).any()


def test_a_stroke_is_not_longer_than_asked() -> None:
    bar = NOTHING.copy()
    bar[40:50, 5:115] = True
    columns = np.flatnonzero((drawn([stroke(bar, OBJECT, 30)]) == OBJECT).any(axis=0))
    assert 25 <= np.ptp(columns) <= 36


@pytest.mark.parametrize("truth", [disc(), ring(), disc(0, 0), single_pixel()])
def test_first_strokes_are_true_and_leave_out_what_is_unknown(truth: BoolArray) -> None:
    unknown = NOTHING.copy()
    unknown[:, :30] = True
    truth = truth & ~unknown if (truth & ~unknown).any() else truth
    marks = first_strokes(truth, unknown & ~truth)
    seeds = drawn(marks)
    assert {mark.class_index for mark in marks} == {GROUND, OBJECT}
    assert not (seeds[~truth] == OBJECT).any() and not (seeds[truth | unknown] == GROUND).any()


def test_first_strokes_come_even_when_the_object_fills_all_or_nothing() -> None:
    assert {mark.class_index for mark in first_strokes(~NOTHING, NOTHING)} == {OBJECT}
    assert {mark.class_index for mark in first_strokes(NOTHING, NOTHING)} == {GROUND}


def test_later_strokes_lie_where_the_mask_is_wrong() -> None:
    truth, predicted = disc(), disc(column=72)
    seeds = drawn(next_strokes(predicted, truth, NOTHING))
    assert (seeds == OBJECT).any() and not (seeds == OBJECT)[predicted | ~truth].any()
    assert (seeds == GROUND).any() and not (seeds == GROUND)[truth | ~predicted].any()
    assert next_strokes(truth, truth, NOTHING) == []
    assert next_strokes(predicted, truth, ~NOTHING) == []


def test_the_same_object_gets_the_same_strokes() -> None:
    assert first_strokes(disc(), NOTHING) == first_strokes(disc(), NOTHING)


def click_on(predict: str, truth: BoolArray, limit: int = 20, **more: float) -> tuple[list[Point], list[float]]:
    """Clicks and IoUs with a model that gives the truth, nothing, or the truth once it was told twice."""
    clicker = Clicker(truth, NOTHING, jitter_px=more.get("jitter_px", 0.0), seed=int(more.get("seed", 0)))
    clicks, scores, answer = list[Point](), list[float](), NOTHING
    while len(clicks) < limit and (click := clicker.next(answer)) is not None:
        clicks.append(click)
        answer = truth if predict == "truth" or (predict == "second" and len(clicks) == 2) else NOTHING
        scores.append(iou(answer, truth, NOTHING))
    return clicks, scores


def test_a_perfect_model_needs_one_click_in_the_middle() -> None:
    clicks, scores = click_on("truth", disc())
    assert number_of_clicks(scores, 0.9, 20) == 1
    assert clicks[0].class_index == OBJECT
    assert abs(clicks[0].x - 60.5) <= 1 and abs(clicks[0].y - 45.5) <= 1


def test_an_empty_model_needs_all_clicks_and_a_slow_one_those_it_takes() -> None:
    assert number_of_clicks(click_on("nothing", disc())[1], 0.85, 20) == 20
    assert number_of_clicks(click_on("second", disc())[1], 0.85, 20) == 2


@pytest.mark.parametrize("jitter_px", [0.0, 4.0])
def test_clicks_never_repeat_and_stay_in_the_wrong_place(jitter_px: float) -> None:
    truth = disc(radius=4)
    clicks, _ = click_on("nothing", truth, limit=500, jitter_px=jitter_px)
    places = {(int(click.y), int(click.x)) for click in clicks}
    assert len(places) == len(clicks) == np.count_nonzero(truth)
    assert all(truth[place] for place in places)


def test_jitter_follows_the_seed() -> None:
    first, again, other = (click_on("nothing", disc(), jitter_px=4, seed=seed)[0] for seed in (1, 1, 2))
    assert first == again != other


def test_what_is_too_much_is_clicked_as_ground_and_unknown_pixels_are_left_alone() -> None:
    click = Clicker(NOTHING, NOTHING).next(disc())
    assert click is not None and click.class_index == GROUND
    assert Clicker(NOTHING, disc()).next(disc()) is None


def test_the_box_is_a_tenth_wider_and_inside_the_image() -> None:
    truth = NOTHING.copy()
    truth[30:50, 100:120] = True
    box = loose_box(truth)
    assert (box.x0, box.y0, box.x1, box.y1) == (97, 27, 120, 53)


def test_the_frame_is_two_pixels_wide_and_keeps_away_from_the_object() -> None:
    on_object = Point(OBJECT, 1, 0.5, 45.5)
    ground = drawn(frame_strokes([on_object], (HEIGHT, WIDTH))) == GROUND
    inner = NOTHING.copy()
    inner[2:-2, 2:-2] = True
    assert not ground[inner].any()
    assert ground[:, -2:].all() and ground[0, 60:].all()
    rows, columns = np.nonzero(ground)
    assert np.hypot(rows - 45, columns).min() > 40


def test_peoples_strokes_become_marks_of_exactly_their_pixels() -> None:
    strokes = np.full((HEIGHT, WIDTH), 255, np.uint8)
    strokes[diagonal()] = GROUND
    strokes[disc(20, 90, 5)] = OBJECT
    marks = strokes_of_map(strokes)
    assert all(isinstance(mark, Scribble) for mark in marks)
    seeds = drawn(marks)
    assert np.array_equal(np.where(seeds == UNLABELLED, 255, seeds), strokes)


def test_iou_leaves_out_unknown_pixels_and_agrees_on_nothing() -> None:
    assert iou(disc(), disc(), NOTHING) == 1
    assert iou(NOTHING, NOTHING, NOTHING) == 1
    assert iou(disc(), NOTHING, NOTHING) == 0
    assert iou(disc(), NOTHING, disc()) == 1
