"""Every interactive segmenter keeps the same promises, whatever the marks and the image."""

import socket
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo import UnknownMethod, list_interactive
from models_zoo.features import FEATURES_VERSION, DenseFeatures
from models_zoo.interactive import (
    ImageContext,
    InteractiveResult,
    InteractiveSegmenter,
    SegmenterFileError,
    create_segmenter,
)
from models_zoo.interactive.live_head import LiveHead
from models_zoo.interactive.prior import ClassPrior
from models_zoo.marks import IGNORE, Box, Mark, MarkError, Point, Scribble, Tag
from tests.models_zoo.interactive.small_files import NEEDS_NOTHING, small_files

pytest.importorskip("cv2")

NAMES = [info.name for info in list_interactive()]
RED, GREEN, BLUE, GREY = (200, 40, 40), (40, 180, 60), (40, 60, 200), (120, 120, 120)
DISC, BAR, GROUND = 1, 2, 0


def scene(width: int = 160, height: int = 120) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A red disc and a blue bar on grey ground, a little noise; and the true label map."""
    rows, columns = np.mgrid[0:height, 0:width]
    truth = np.zeros((height, width), np.uint8)
    truth[(rows - 60) ** 2 + (columns - 45) ** 2 < 28**2] = DISC
    truth[20:100, 105:130] = BAR
    rgb = np.array([GREY, RED, BLUE], np.float32)[truth]
    rgb += np.random.default_rng(0).normal(0, 6, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8), truth


def context(rgb: npt.NDArray[np.uint8], **more: Any) -> ImageContext:
    parts: dict[str, Any] = {"rgb": rgb, "class_indices": (0, 1, 2, 3)} | more
    return ImageContext(**parts)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to connect fails the test."""

    def refuse(*arguments: object) -> None:
        raise AssertionError("a segmenter touched the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def created(name: str) -> InteractiveSegmenter:
    """A new one, from small files where it needs some: those keep promises and know nothing."""
    return create_segmenter(name, small_files(name))


def segment(
    name: str, marks: Sequence[Mark], *, allowed: Sequence[int] = (0, 1, 2, 3), **more: Any
) -> InteractiveResult:
    rgb = more.pop("rgb", None)
    segmenter = created(name)
    segmenter.set_image(context(scene()[0] if rgb is None else rgb, **more))
    return segmenter.segment(marks, allowed=allowed)


def iou(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


STROKES: list[Mark] = [
    Scribble(DISC, 1, ((35, 60), (55, 60)), 5),
    Scribble(BAR, 1, ((117, 40), (117, 80)), 5),
    Scribble(GROUND, 1, ((10, 10), (150, 10)), 5),
]


@pytest.mark.parametrize("name", NEEDS_NOTHING)
def test_strokes_find_their_regions(name: str) -> None:
    result = segment(name, STROKES)
    truth = scene()[1]
    for class_index in (GROUND, DISC, BAR):
        assert iou(result.label_map == class_index, truth == class_index) > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_the_same_marks_give_the_same_answer_each_time(name: str) -> None:
    segmenter = created(name)
    segmenter.set_image(context(scene()[0]))
    first = segmenter.segment(STROKES, allowed=(0, 1, 2, 3))
    segmenter.segment(STROKES[:1], allowed=(0, 1, 2, 3))
    # Some improve on a previous answer: to those it is another question.
    previous = first.label_map if name in NEEDS_NOTHING else None
    again = segmenter.segment(STROKES, allowed=(0, 1, 2, 3), previous=previous)
    assert np.array_equal(first.label_map, again.label_map)
    assert np.array_equal(first.confidence, again.confidence)
    assert np.array_equal(first.scores, again.scores)


ODD_MARKS: dict[str, list[Mark]] = {
    "none": [],
    "one point": [Point(DISC, 1, 45, 60)],
    "one class": STROKES[:1],
    "points": [Point(DISC, 1, 45, 60), Point(GROUND, 1, 80, 10)],
    "negative points": [Point(DISC, -1, 80, 10), Point(BAR, -1, 45, 60)],
    "negative scribble": [Scribble(DISC, -1, ((80, 10), (90, 10)), 4)],
    "box": [Box(DISC, 1, 15, 30, 75, 90)],
    "box of the whole image": [Box(DISC, 1, 0, 0, 160, 120)],
    "tiny box": [Box(DISC, 1, 45.2, 60.2, 45.4, 60.4)],
    "box on the rim": [Box(DISC, 1, 159.9, 119.9, 160, 120)],
    "two boxes": [Box(DISC, 1, 15, 30, 75, 90), Box(BAR, 1, 103, 18, 132, 102)],
    "negative box": [Box(DISC, -1, 100, 0, 160, 120), Point(DISC, 1, 45, 60)],
    "tags": [Tag(DISC, 1), Tag(BAR, -1)],
    "all absent": [Tag(0, -1), Tag(1, -1), Tag(2, -1), Tag(3, -1)],
    "rim": [Point(DISC, 1, 160, 120), Point(GROUND, 1, 0, 0)],
    "whole image": [Scribble(DISC, 1, ((0, 60), (160, 60)), 500)],
    "mixed": [*STROKES, Box(DISC, 1, 15, 30, 75, 90), Tag(3, -1), Point(BAR, -1, 45, 60)],
    "another class's stroke in a box": [Box(DISC, 1, 15, 30, 75, 90), Point(BAR, 1, 45, 60)],
    "repeated": [Point(DISC, 1, 45, 60)] * 50,
}


def check_promises(result: InteractiveResult, rgb: npt.NDArray[np.uint8], allowed: set[int]) -> None:
    assert result.label_map.shape == rgb.shape[:2] and result.label_map.dtype == np.uint8
    assert result.confidence.shape == rgb.shape[:2] and result.confidence.dtype == np.uint8
    assert result.scores.dtype == np.float16 and len(result.scores) == len(result.classes)
    assert np.isfinite(result.scores).all()
    assert set(np.unique(result.label_map)) <= allowed | {IGNORE}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("background", [None, 0])
@pytest.mark.parametrize("marks", ODD_MARKS.values(), ids=list(ODD_MARKS))
def test_any_marks_give_a_proposal(name: str, background: int | None, marks: list[Mark]) -> None:
    rgb = scene()[0]
    absent = {mark.class_index for mark in marks if isinstance(mark, Tag) and mark.sign < 0}
    check_promises(segment(name, marks, background=background), rgb, {0, 1, 2, 3} - absent)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (2, 3), (7, 5), (1500, 9), (131, 77)])
def test_any_size_of_image(name: str, size: tuple[int, int]) -> None:
    width, height = size
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    marks: list[Mark] = [Point(1, 1, 0, 0), Point(2, 1, width, height), Box(3, 1, 0, 0, width / 2, height / 2)]
    for some in (marks[:1], marks[2:], marks):
        check_promises(segment(name, some, rgb=rgb), rgb, {0, 1, 2, 3})


@pytest.mark.parametrize("name", NEEDS_NOTHING)
def test_a_large_image_is_worked_on_at_a_capped_size(name: str) -> None:
    small, truth = scene()
    rgb = np.ascontiguousarray(np.kron(small, np.ones((20, 20, 1), np.uint8)))
    marks: list[Mark] = [
        Scribble(DISC, 1, ((700, 1200), (1100, 1200)), 80),
        Scribble(GROUND, 1, ((200, 200), (3000, 200)), 80),
    ]
    result = segment(name, marks, rgb=rgb, allowed=(0, 1))
    check_promises(result, rgb, {0, 1})
    assert max(result.scores.shape[1:]) <= 256
    assert iou(result.label_map[:, :2000:20][::20] == DISC, (truth == DISC)[:, :100]) > 0.85


@pytest.mark.parametrize("name", NEEDS_NOTHING)
def test_twenty_classes(name: str) -> None:
    rgb = np.zeros((80, 100, 3), np.uint8)
    marks: list[Mark] = []
    for index in range(20):
        row, column = divmod(index, 5)
        rgb[row * 20 : row * 20 + 20, column * 20 : column * 20 + 20] = (index * 12, 255 - index * 12, index * 40 % 256)
        marks.append(Point(index, 1, column * 20 + 10, row * 20 + 10))
    everything = tuple(range(20))
    result = segment(name, marks, rgb=rgb, class_indices=everything, allowed=everything)
    truth = np.kron(np.arange(20, dtype=np.uint8).reshape(4, 5), np.ones((20, 20), np.uint8))
    assert (result.label_map == truth).mean() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_marked_pixels_keep_their_class_and_are_sure(name: str) -> None:
    against: list[Mark] = [*STROKES, Point(BAR, 1, 45, 60)]
    result = segment(name, against)
    assert result.label_map[60, 45] == BAR and result.confidence[60, 45] == 255


@pytest.mark.parametrize("name", NAMES)
def test_not_this_class_is_kept_to(name: str) -> None:
    result = segment(name, [*STROKES, Point(DISC, -1, 45, 45)])
    assert result.label_map[45, 45] != DISC


@pytest.mark.parametrize("name", NAMES)
def test_with_two_classes_not_the_one_means_the_other(name: str) -> None:
    marks: list[Mark] = [Point(DISC, -1, 80, 10), Point(DISC, 1, 45, 60)]
    result = segment(name, marks, allowed=(GROUND, DISC))
    assert result.label_map[10, 80] == GROUND and result.label_map[60, 45] == DISC


@pytest.mark.parametrize("name", NAMES)
def test_classes_that_are_absent_or_not_allowed_never_appear(name: str) -> None:
    absent = segment(name, [*STROKES, Tag(BAR, -1)])
    assert BAR not in absent.label_map
    forbidden = segment(name, STROKES, allowed=(GROUND, DISC))
    assert BAR not in forbidden.label_map
    unknown = segment(name, [*STROKES, Point(77, 1, 5, 5)])
    assert 77 not in unknown.label_map


@pytest.mark.parametrize("name", NAMES)
def test_a_box_holds_its_object_and_nothing_of_it_lies_outside(name: str) -> None:
    result = segment(name, [Box(DISC, 1, 14, 29, 76, 91)], background=GROUND)
    disc = result.label_map == DISC
    # A cell of the working grid may reach over the box's rim.
    assert disc[24:96, 9:81].sum() == disc.sum() > 0
    assert iou(disc, scene()[1] == DISC) > 0.8 or name not in NEEDS_NOTHING
    assert result.label_map[5, 5] == GROUND


@pytest.mark.parametrize("name", NAMES)
def test_a_box_on_flat_ground_still_holds_something(name: str) -> None:
    flat = np.full((60, 80, 3), 90, np.uint8)
    result = segment(name, [Box(DISC, 1, 10, 10, 40, 40)], rgb=flat, background=GROUND)
    assert (result.label_map[10:40, 10:40] == DISC).any()


@pytest.mark.parametrize("name", NEEDS_NOTHING)
def test_one_class_alone_leaves_the_rest_to_the_background_or_open(name: str) -> None:
    truth = scene()[1]
    with_background = segment(name, STROKES[:1], background=GROUND)
    assert set(np.unique(with_background.label_map)) == {GROUND, DISC}
    assert iou(with_background.label_map == DISC, truth == DISC) > 0.8
    without = segment(name, STROKES[:1])
    assert set(np.unique(without.label_map)) == {DISC, IGNORE}
    background_only = segment(name, STROKES[2:], background=GROUND)
    assert set(np.unique(background_only.label_map)) == {GROUND, IGNORE}


@pytest.mark.parametrize("name", NAMES)
def test_no_marks_propose_nothing_unless_one_class_is_all_there_can_be(name: str) -> None:
    assert set(np.unique(segment(name, []).label_map)) == {IGNORE}
    assert set(np.unique(segment(name, [], allowed=[2]).label_map)) == {2}
    assert set(np.unique(segment(name, [], allowed=[]).label_map)) == {IGNORE}


@pytest.mark.parametrize("name", NAMES)
def test_features_of_another_size_and_a_prior_are_taken(name: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-127, 128, (8, 9, 31)).astype(np.int8)
    features = DenseFeatures(values, np.full(8, 0.01, np.float32), FEATURES_VERSION, (999, 7))
    prior = ClassPrior(classes=(0, 1, 2, 3, 200), maps=np.full((5, 5, 6), 51, np.uint8))
    check_promises(segment(name, STROKES, features=features, prior=prior), scene()[0], {0, 1, 2, 3})


def test_the_live_head_leans_on_the_prior_where_no_mark_speaks() -> None:
    maps = np.zeros((2, 12, 16), np.uint8)
    maps[0] = 250
    maps[1, 2:10, 10:13], maps[0, 2:10, 10:13] = 250, 0
    prior = ClassPrior(classes=(GROUND, BAR), maps=maps)
    tags_only = segment("live_head", [Tag(3, -1)], prior=prior)
    assert tags_only.label_map[60, 117] == BAR and tags_only.label_map[5, 5] == GROUND
    with_stroke = segment("live_head", STROKES[:1], prior=prior)
    assert with_stroke.label_map[60, 45] == DISC and with_stroke.label_map[60, 117] == BAR


def test_a_stroke_on_one_thing_does_not_flood_what_a_model_only_believes() -> None:
    maps = np.full((2, 12, 16), 64, np.uint8)
    maps[0] = 191
    maps[:, 2:10, 10:13] = maps[::-1, 2:10, 10:13].copy()
    stroke = Scribble(GROUND, 1, ((5, 5), (150, 5)), 4)
    found = segment("live_head", [stroke], prior=ClassPrior(classes=(GROUND, BAR), maps=maps)).label_map
    assert found[60, 117] == BAR and found[110, 140] == GROUND


def coins(count: int) -> npt.NDArray[np.uint8]:
    """Like coins in a row on a grey table; the centres lie at x = 40, 100, 160, …"""
    rgb = np.full((80, 60 * count + 20, 3), 110, np.uint8)
    rows, columns = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
    for number in range(count):
        rgb[(rows - 40) ** 2 + (columns - 40 - 60 * number) ** 2 < 18**2] = (210, 170, 60)
    return rgb


def coins_found(marked: int, *, count: int = 3, all_similar: bool = False, **more: Any) -> list[bool]:
    """Which coins are in the mask once the first few have a point, and the table a stroke."""
    head = LiveHead(all_similar=all_similar)
    head.set_image(context(coins(count), background=GROUND, **more))
    marks: list[Mark] = [Point(DISC, 1, 40 + 60 * number, 40) for number in range(marked)]
    marks.append(Scribble(GROUND, 1, ((5, 5), (60 * count, 5)), 5))
    mask = head.segment(marks, allowed=(GROUND, DISC)).label_map == DISC
    return [bool(mask[40, 46 + 60 * number]) for number in range(count)]


def test_a_like_thing_that_nobody_marked_stays_dark_until_two_are_marked() -> None:
    assert coins_found(1, count=2) == [True, False]
    assert coins_found(2) == [True, True, True]


def test_a_crowd_of_like_things_lights_up_at_once() -> None:
    assert coins_found(1) == [True, True, True]


def test_all_similar_lights_up_everything_alike_at_once() -> None:
    assert coins_found(1, count=2, all_similar=True) == [True, True]


def test_what_a_model_found_needs_no_mark() -> None:
    prior = ClassPrior(classes=(GROUND, DISC), maps=np.full((2, 8, 20), 128, np.uint8))
    assert coins_found(1, count=2, prior=prior) == [True, True]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_when_there_is_no_image_and_refuses_marks_that_are_no_numbers(name: str) -> None:
    segmenter: InteractiveSegmenter = created(name)
    with pytest.raises(RuntimeError):
        segmenter.segment([], allowed=[])
    segmenter.set_image(context(scene()[0]))
    bad: list[Mark] = [
        Point(1, 1, float("nan"), 3),
        Scribble(1, 1, ((0, 0), (float("inf"), 3)), 2),
        Scribble(1, 1, ((0, 0), (1, 3)), float("nan")),
        Box(1, 1, 0, float("nan"), 3, 3),
        Point(300, 1, 3, 3),
    ]
    for mark in bad:
        with pytest.raises(MarkError):
            segmenter.segment([mark], allowed=[0, 1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"rgb": np.zeros((4, 4), np.uint8)},
        {"rgb": np.zeros((4, 4, 4), np.uint8)},
        {"rgb": np.zeros((0, 4, 3), np.uint8)},
        {"rgb": np.zeros((4, 4, 3), np.float32)},
        {"class_indices": (0, 0)},
        {"class_indices": (0, 255)},
    ],
)
def test_an_image_that_cannot_be_used_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        context(**({"rgb": np.zeros((4, 4, 3), np.uint8)} | wrong))


def test_an_unknown_segmenter_lists_the_known_ones() -> None:
    with pytest.raises(UnknownMethod, match="live_head"):
        create_segmenter("sam")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NEEDS_NOTHING])
def test_what_needs_files_says_which_are_missing_and_which_it_does_not_know(name: str) -> None:
    files = small_files(name)
    first = sorted(files)[0]
    with pytest.raises(SegmenterFileError, match=first):
        create_segmenter(name, {key: path for key, path in files.items() if key != first})
    with pytest.raises(SegmenterFileError, match="colour"):
        create_segmenter(name, {**files, "colour": files[first]})
