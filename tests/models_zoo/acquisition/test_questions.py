"""Which question to ask, and the order that follows from what answers are worth a second."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.acquisition import (
    BestQuestion,
    Doubts,
    PoolPredictions,
    QuestionModel,
    best_question,
    create_acquisition,
    find_doubts,
)
from models_zoo.acquisition import value_per_second as module
from models_zoo.simulation.costs import CostTable


def doubts(**fields: object) -> Doubts:
    usual = {
        "presence": 0.0,
        "place": 0.4,
        "doubtful_classes": 0,
        "likely_classes": 2,
        "likely_objects": 1,
        "pieces": 1,
    }
    return Doubts(**(usual | fields))  # type: ignore[arg-type]


def test_values_by_hand() -> None:
    model, open_ = QuestionModel(), doubts(presence=0.2, doubtful_classes=3, pieces=4)
    assert model.value("tag", open_) == pytest.approx(0.2 / (1.5 + 3))
    assert model.value("point", open_) == pytest.approx((0.2 + 0.6 * 0.4) / (1.5 + 4 * 2.4))
    assert model.value("scribble", open_) == pytest.approx((0.2 + 0.8 * 0.4) / (1.5 + 2 * 10.9))
    assert model.value("box", open_) == pytest.approx((0.2 + 0.68 * 0.4) / (1.5 + 7))
    assert model.value("mask", open_) == pytest.approx(0.6 / (1.5 + 2 * 79))
    assert model.value("scribble", open_, ["point"]) == pytest.approx(0.2 * 0.4 / (1.5 + 2 * 10.9))
    assert model.value("tag", open_, ["point"]) == 0


@pytest.mark.parametrize(
    ("open_", "answered", "expected"),
    [
        (doubts(presence=0.5, place=0.05, doubtful_classes=1, pieces=6), [], "tag"),
        (doubts(pieces=1, likely_objects=2), [], "point"),
        (doubts(pieces=18), [], "box"),
        (doubts(pieces=18, likely_objects=3), [], "scribble"),
        (doubts(), ["scribble"], "mask"),
    ],
)
def test_each_question_has_images_it_is_best_for(open_: Doubts, answered: list[str], expected: str) -> None:
    assert best_question(open_, answered=answered).question == expected  # type: ignore[arg-type]


def test_where_nothing_is_open_nothing_is_worth_a_second() -> None:
    assert best_question(doubts(place=0.0)).value == 0
    assert best_question(doubts(), answered=["mask"]).value == 0


def test_measured_seconds_replace_the_published_ones() -> None:
    slow = QuestionModel(costs=CostTable(point=500.0))
    assert best_question(doubts(pieces=1, likely_objects=2)).question == "point"
    assert best_question(doubts(pieces=1, likely_objects=2), model=slow).question != "point"


def test_a_model_or_question_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="each of tag"):
        QuestionModel(learnt=MappingProxyType({"tag": 0.5}))
    with pytest.raises(ValueError, match="more than a tag"):
        QuestionModel(learnt=MappingProxyType(dict.fromkeys(("tag", "point", "scribble", "box", "mask"), 1.0)))
    with pytest.raises(ValueError, match="the questions are"):
        BestQuestion("polygon", 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="0 or more"):
        BestQuestion("tag", float("nan"))


def stack(*maps: list[list[float]]) -> npt.NDArray[np.float64]:
    return np.array(maps)


def test_which_class_it_is_counts_as_doubt_about_presence() -> None:
    """Half of the picture is surely ground, the other half is one of two things."""
    ground = [[1.0] * 5 + [0.0] * 5] * 10
    either = [[0.0] * 5 + [0.5] * 5] * 10
    found = find_doubts(stack(ground, either, either), background=0)
    assert found.place == pytest.approx(0, abs=1e-9)
    entropy = np.log(2) / np.log(3)
    assert found.presence == pytest.approx((entropy / 2 + entropy) / 2)
    assert (found.doubtful_classes, found.likely_classes, found.likely_objects) == (2, 3, 2)


def test_where_it_ends_counts_as_doubt_about_places() -> None:
    first = [[1.0] * 4 + [0.5] * 2 + [0.0] * 4] * 10
    found = find_doubts(stack(first, [[1 - p for p in row] for row in first]))
    assert found.presence == pytest.approx(0, abs=1e-9) and found.place > 0.3
    assert (found.doubtful_classes, found.likely_classes, found.likely_objects, found.pieces) == (0, 2, 2, 1)


def test_separate_places_are_counted_but_specks_are_not() -> None:
    p = np.zeros((2, 20, 20))
    p[0] = 1
    for row, column, size in ((1, 1, 3), (10, 10, 4), (1, 15, 2), (18, 1, 1)):
        p[:, row : row + size, column : column + size] = 0.5
    assert find_doubts(p).pieces == 3


def test_sure_empty_and_broken_predictions() -> None:
    sure = find_doubts(np.stack([np.ones((4, 4)), np.zeros((4, 4))]))
    assert (sure.presence, sure.place, sure.pieces) == (0, 0, 1)
    assert find_doubts(np.ones((1, 2, 2))).place == 0
    broken = find_doubts(np.full((2, 3, 3), np.nan))
    assert broken.presence + broken.place == pytest.approx(1)
    for bad in (np.zeros((2, 0, 3)), np.zeros((3, 3))):
        with pytest.raises(ValueError, match="classes, h, w"):
            find_doubts(bad)
    with pytest.raises(ValueError, match="background"):
        find_doubts(np.ones((1, 2, 2)), background=1)


# --- the order -----------------------------------------------------------------------------------


def pool_of(points: object, values: object, **parts: object) -> PoolPredictions:
    rows = np.asarray(points, np.float32)
    questions = [BestQuestion("point", float(value)) for value in np.asarray(values)]
    return PoolPredictions(
        ids=tuple(str(i) for i in range(len(rows))),
        embeddings=rows,
        questions=questions,
        **parts,  # type: ignore[arg-type]
    )


def test_value_counts_and_a_copy_of_what_was_taken_or_labelled_comes_last() -> None:
    points = [[0, 0], [0.001, 0], [10, 0], [0, 10], [10, 10]]
    pool = pool_of(points, [0.9, 0.8, 0.5, 0.6, 0.7], labelled=np.array([[10, 10]], np.float32))
    found = create_acquisition("value_per_second").rank(pool, budget=5)
    assert found.ids[0] == "0" and set(found.ids[1:3]) == {"2", "3"} and found.ids[3:] == ("1", "4")
    assert found.scores[3:] == (0, 0) and found.questions == ("point",) * 5


def test_a_score_is_value_times_diversity() -> None:
    points = [[0.0], [10], [20]]
    pool = pool_of(points, [1.0, 0.3, 0.5])
    found = create_acquisition("value_per_second").rank(pool, budget=3)
    # Usually 10 apart (distances 10, 10 and 20), so nothing is nearer than usual.
    assert found.ids == ("0", "2", "1") and found.scores == pytest.approx((1, 0.5, 0.3))
    near = create_acquisition("value_per_second").rank(pool_of([[0.0], [5], [10]], [1.0, 0.9, 0.4]), budget=3)
    assert near.scores == pytest.approx((1, 0.9, 0.4))
    closer = create_acquisition("value_per_second").rank(
        pool_of([[0.0], [2], [10], [20]], [1, 0.9, 0.4, 0.3]), budget=4
    )
    assert closer.ids[1] == "2" and closer.scores[-1] == pytest.approx(0.9 * 2 / 10)


def test_looking_at_the_head_only_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pool = pool_of(rng.normal(size=(300, 2)), rng.random(300), labelled=rng.normal(size=(5, 2)).astype(np.float32))
    whole = create_acquisition("value_per_second").rank(pool, budget=60)
    monkeypatch.setattr(module, "_LOOK_AHEAD", 7)
    assert create_acquisition("value_per_second").rank(pool, budget=60) == whole
