"""Marks: strict parsing, fitting an image, drawing."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from models_zoo.marks import (
    UNLABELLED,
    Box,
    Mark,
    MarkError,
    MarkKind,
    Point,
    Scribble,
    Tag,
    mark_from_json,
    mark_geometry,
    mark_to_json,
    parse_mark,
    rasterize,
    validate,
)

MARKS: list[Mark] = [
    Tag(3, -1),
    Point(0, 1, 1.5, 2.0),
    Scribble(253, -1, ((0.0, 0.0), (4.5, 9.25)), 7.0),
    Box(2, 1, 0.0, 1.0, 10.0, 9.5),
]


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: str(mark.kind))
def test_a_mark_survives_json(mark: Mark) -> None:
    assert mark_from_json(json.loads(json.dumps(mark_to_json(mark)))) == mark
    again = parse_mark(kind=mark.kind, class_index=mark.class_index, sign=mark.sign, geometry=mark_geometry(mark))
    assert again == mark


def test_whole_numbers_become_floats() -> None:
    mark = parse_mark(kind="point", class_index=1, sign=1, geometry={"x": 3, "y": 4})
    assert isinstance(mark, Point) and isinstance(mark.x, float)


BAD_GEOMETRY: list[tuple[str, Any, str]] = [
    ("tag", {"x": 1}, "geometry"),
    ("tag", [], "geometry"),
    ("tag", None, "geometry"),
    ("point", {}, "geometry"),
    ("point", {"x": 1, "y": 2, "z": 3}, "geometry"),
    ("point", {"x": "1", "y": 2}, "number"),
    ("point", {"x": True, "y": 2}, "number"),
    ("point", {"x": None, "y": 2}, "number"),
    ("point", {"x": math.nan, "y": 2}, "number"),
    ("point", {"x": math.inf, "y": 2}, "number"),
    ("point", {"x": 1, "y": -math.inf}, "number"),
    ("point", {"x": 10**400, "y": 2}, "number"),
    ("point", {"x": [1], "y": 2}, "number"),
    ("scribble", {"points": [[1, 2]], "width": 3}, "points"),
    ("scribble", {"points": [], "width": 3}, "points"),
    ("scribble", {"points": [[1, 2]] * 20_001, "width": 3}, "points"),
    ("scribble", {"points": [[1, 2], [3]], "width": 3}, "geometry"),
    ("scribble", {"points": [[1, 2], [3, 4, 5]], "width": 3}, "geometry"),
    ("scribble", {"points": [[1, 2], "34"], "width": 3}, "geometry"),
    ("scribble", {"points": "1234", "width": 3}, "geometry"),
    ("scribble", {"points": {"0": [1, 2]}, "width": 3}, "geometry"),
    ("scribble", {"points": [[1, 2], [3, math.nan]], "width": 3}, "number"),
    ("scribble", {"points": [[1, 2], [3, 4]], "width": 0}, "width"),
    ("scribble", {"points": [[1, 2], [3, 4]], "width": -1}, "width"),
    ("scribble", {"points": [[1, 2], [3, 4]], "width": 500.5}, "width"),
    ("scribble", {"points": [[1, 2], [3, 4]], "width": "3"}, "number"),
    ("scribble", {"points": [[1, 2], [3, 4]]}, "geometry"),
    ("box", {"box": [1, 2, 3]}, "geometry"),
    ("box", {"box": "1234"}, "geometry"),
    ("box", {"box": [1, 2, 3, False]}, "number"),
    ("box", {"x0": 1, "y0": 1, "x1": 2, "y1": 2}, "geometry"),
]


@pytest.mark.parametrize(("kind", "geometry", "code"), BAD_GEOMETRY)
def test_bad_geometry_is_refused(kind: str, geometry: Mapping[str, object], code: str) -> None:
    with pytest.raises(MarkError) as caught:
        parse_mark(kind=kind, class_index=0, sign=1, geometry=geometry)
    assert caught.value.code == code
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("class_index", [-1, 254, 255, 1.0, "1", True, None, 10**400])
def test_a_bad_class_index_is_refused(class_index: Any) -> None:
    with pytest.raises(MarkError) as caught:
        parse_mark(kind="tag", class_index=class_index, sign=1, geometry={})
    assert caught.value.code == "class"


@pytest.mark.parametrize("sign", [0, 2, 1.0, "1", True, None])
def test_a_bad_sign_is_refused(sign: Any) -> None:
    with pytest.raises(MarkError) as caught:
        parse_mark(kind="tag", class_index=0, sign=sign, geometry={})
    assert caught.value.code == "sign"


@pytest.mark.parametrize("kind", ["", "TAG", "polygon", 1, None, ["tag"], {}, "x" * 10_000])
def test_an_unknown_kind_is_refused(kind: Any) -> None:
    with pytest.raises(MarkError) as caught:
        parse_mark(kind=kind, class_index=0, sign=1, geometry={})
    assert caught.value.code == "kind"
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("data", [None, [], "tag", {}, {"kind": "tag"}, {"kind": "tag", "extra": 1}])
def test_json_that_is_no_mark_is_refused(data: object) -> None:
    with pytest.raises(MarkError):
        mark_from_json(data)


@pytest.mark.parametrize(
    "mark",
    [
        Point(0, 1, 0, 0),
        Point(0, 1, 40, 30),
        Scribble(0, 1, ((0, 0), (40, 30)), 500),
        Box(0, 1, 0, 0, 40, 30),
        Tag(0, -1),
    ],
)
def test_the_edges_of_the_image_are_inside(mark: Mark) -> None:
    validate(mark, width=40, height=30, class_indices={0})


@pytest.mark.parametrize(
    ("mark", "code"),
    [
        (Point(0, 1, -0.01, 5), "outside"),
        (Point(0, 1, 5, 30.01), "outside"),
        (Point(0, 1, math.nan, 5), "number"),
        (Scribble(0, 1, ((0, 0), (41, 3)), 3), "outside"),
        (Scribble(0, 1, ((0, 0),), 3), "points"),
        (Scribble(0, 1, ((0, 0),) * 20_001, 3), "points"),
        (Scribble(0, 1, ((0, 0), (1, 1)), math.nan), "number"),
        (Box(0, 1, 5, 5, 5, 9), "empty"),
        (Box(0, 1, 9, 5, 5, 9), "empty"),
        (Box(0, 1, 0, 0, 41, 9), "outside"),
        (Tag(7, 1), "class"),
        (Point(7, 1, 1, 1), "class"),
    ],
)
def test_a_mark_that_does_not_fit_is_refused(mark: Mark, code: str) -> None:
    with pytest.raises(MarkError) as caught:
        validate(mark, width=40, height=30, class_indices={0})
    assert caught.value.code == code


def test_a_point_covers_a_disc_around_it() -> None:
    seeds = rasterize([Point(1, 1, 20.5, 10.5)], width=40, height=30, point_radius=3).seeds
    ys, xs = np.nonzero(seeds == 1)
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (17, 23, 7, 13)
    assert set(np.unique(seeds)) == {1, UNLABELLED}


def test_a_stroke_has_its_width_as_diameter() -> None:
    seeds = rasterize([Scribble(1, 1, ((10, 15.5), (30, 15.5)), 5)], width=40, height=30).seeds
    assert (seeds[:, 20] == 1).sum() == 5
    assert seeds[13, 20] == 1 and seeds[17, 20] == 1


@pytest.mark.parametrize("x", [0.0, 0.3, 39.9, 40.0])
@pytest.mark.parametrize("scale", [1.0, 0.25, 0.01])
def test_every_mark_covers_a_pixel_even_on_the_rim_and_when_shrunk(x: float, scale: float) -> None:
    thin = Scribble(2, 1, ((x, 30.0), (x, 30.0)), 0.01)
    for mark in (Point(2, 1, x, 30.0), thin):
        labels = rasterize([mark], width=40, height=30, scale=scale)
        assert labels.seeds.shape == (max(1, round(30 * scale)), max(1, round(40 * scale)))
        assert (labels.seeds == 2).any()


def test_the_later_mark_wins() -> None:
    first, second = Point(1, 1, 10, 10), Point(2, 1, 10, 10)
    assert rasterize([first, second], width=20, height=20).seeds[10, 10] == 2
    assert rasterize([second, first], width=20, height=20).seeds[10, 10] == 1


def test_not_this_class_takes_back_the_class_and_the_other_way_round() -> None:
    yes, no = Point(1, 1, 10, 10), Point(1, -1, 10, 10)
    after_no = rasterize([yes, no], width=20, height=20)
    assert after_no.seeds[10, 10] == UNLABELLED and after_no.negatives[1][10, 10]
    after_yes = rasterize([no, yes], width=20, height=20)
    assert after_yes.seeds[10, 10] == 1 and not after_yes.negatives


def test_not_this_class_leaves_another_classes_seed() -> None:
    labels = rasterize([Point(1, 1, 10, 10), Point(2, -1, 10, 10)], width=20, height=20)
    assert labels.seeds[10, 10] == 1 and labels.negatives[2][10, 10]


def test_absent_takes_back_earlier_strokes_and_a_later_stroke_takes_back_absent() -> None:
    stroke, box, absent = Point(1, 1, 5, 5), Box(1, 1, 0, 0, 9, 9), Tag(1, -1)
    gone = rasterize([stroke, box, absent], width=20, height=20)
    assert not gone.seeded() and not gone.boxes and gone.allowed([0, 1]) == {0}
    back = rasterize([absent, stroke], width=20, height=20)
    assert back.seeded() == {1} and back.allowed([0, 1]) == {0, 1}


def test_boxes_are_kept_in_grid_coordinates_and_a_negative_box_excludes() -> None:
    marks = [Box(1, 1, 4, 8, 20, 24), Box(2, -1, 0, 0, 8, 4)]
    labels = rasterize(marks, width=40, height=30, out_size=(10, 15))
    assert labels.boxes == (Box(1, 1, 1, 4, 5, 12),)
    assert labels.negatives[2].sum() == 2 * 2
    assert (labels.seeds == UNLABELLED).all()


def test_tags_are_told_apart() -> None:
    labels = rasterize([Tag(0, 1), Tag(1, -1)], width=4, height=4)
    assert labels.tags == {0: True, 1: False}
    assert labels.allowed([0, 1, 2]) == {0, 2}


def test_no_marks_and_a_one_pixel_image() -> None:
    empty = rasterize([], width=1, height=1)
    assert empty.seeds.tolist() == [[UNLABELLED]] and not empty.negatives
    full = rasterize([Point(5, 1, 1, 1)], width=1, height=1)
    assert full.seeds.tolist() == [[5]]


def test_a_very_long_stroke_is_drawn() -> None:
    points = tuple((float(i % 1000), float(i // 1000)) for i in range(20_000))
    assert rasterize([Scribble(1, 1, points, 3)], width=1000, height=30).seeded() == {1}


def test_kinds_are_plain_strings() -> None:
    assert json.dumps(MarkKind.BOX) == '"box"'
