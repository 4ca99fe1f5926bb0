"""BADGE, TypiClust and ProbCover: each one's own rule, and the distances they share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.acquisition import PoolPredictions, create_acquisition, residual
from models_zoo.acquisition.badge import squared_gaps
from models_zoo.acquisition.distances import k_means, nearest, pairwise, squared_to, weighted_draw
from models_zoo.acquisition.probcover import coverage, pure_radius
from models_zoo.acquisition.typiclust import typicality

Floats = npt.NDArray[np.float32]


def pool_of(points: npt.NDArray[np.floating], **parts: object) -> PoolPredictions:
    return PoolPredictions(
        ids=tuple(str(i) for i in range(len(points))),
        embeddings=points,
        **parts,  # type: ignore[arg-type]
    )


def bunches(*sizes: int, seed: int = 0) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Points around well separated places, and which place each is of."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    places = np.array([[0, 0], [30, 0], [0, 30], [30, 30], [60, 60]], np.float32)
    return (places[owner] + rng.normal(0, 1, (len(owner), 2))).astype(np.float32), owner


# --- distances -----------------------------------------------------------------------------------


def test_distances_are_exact_far_from_the_origin() -> None:
    points = (np.random.default_rng(0).normal(size=(3000, 4)) + 1000).astype(np.float32)
    assert squared_to(points, points[17])[17] == 0
    squares, chosen = nearest(points, points[:50])
    expected = ((points[:, None].astype(np.float64) - points[None, :50]) ** 2).sum(axis=2)
    assert squares == pytest.approx(expected.min(axis=1), rel=1e-4)
    assert (chosen[:50] == np.arange(50)).all() and (squares[:50] == 0).all()
    assert (pairwise(np.repeat(points[:3], 2, axis=0))[[0, 2, 4], [1, 3, 5]] == 0).all()


def test_draws_follow_the_weights() -> None:
    rng = np.random.default_rng(0)
    drawn = [weighted_draw(np.array([0, 1, 0, 3, 0.0]), rng) for _ in range(400)]
    assert set(drawn) == {1, 3} and 0.65 < np.mean([one == 3 for one in drawn]) < 0.85
    assert weighted_draw(np.zeros(3), rng) is None


def test_k_means_finds_the_bunches_and_no_more_centres_than_there_are_points() -> None:
    points, owner = bunches(200, 100, 50)
    found = nearest(points, k_means(points, 3, np.random.default_rng(0)))[1]
    assert all(len(set(found[owner == kind])) == 1 for kind in range(3)) and len(set(found)) == 3
    assert len(k_means(np.ones((9, 2), np.float32), 5, np.random.default_rng(0))) == 1


# --- BADGE ---------------------------------------------------------------------------------------


def test_factorised_distances_equal_those_of_the_gradients_written_out() -> None:
    rng = np.random.default_rng(0)
    points, slopes = rng.normal(size=(40, 5)).astype(np.float32), rng.normal(size=(40, 3)).astype(np.float32)
    gradients = (slopes[:, :, None] * points[:, None]).reshape(40, -1)
    norms = (gradients**2).sum(axis=1)
    found = squared_gaps(slopes, points, norms, 7)
    assert found == pytest.approx(((gradients - gradients[7]) ** 2).sum(axis=1), abs=1e-4)


def test_a_residual_by_hand() -> None:
    p = np.array([[0.7, 0.2, 1.0, 0.4], [0.3, 0.8, 0.0, 0.6]]).reshape(2, 2, 2)
    assert residual(p) == pytest.approx([(0.3 + 0) / 4, (0.2 + 0.4) / 4])
    assert residual(np.full((2, 1, 1), np.nan)) == pytest.approx([0.5, 0])
    with pytest.raises(ValueError, match="classes, h, w"):
        residual(np.zeros((2, 2)))


def test_badge_takes_the_longest_gradient_first_and_then_other_directions() -> None:
    points = np.array([[1, 0], [1, 0.01], [1, 0.02], [0, 1]], np.float32)
    slopes = np.array([[0.5999, 0], [0.6, 0], [0.5999, 0], [0, 0.4]], np.float32)
    found = [create_acquisition("badge").rank(pool_of(points, residuals=slopes, seed=s), budget=2) for s in range(9)]
    assert all(one.ids == ("1", "3") for one in found)
    assert found[0].scores[0] == pytest.approx(0.6, rel=1e-3)


def test_badge_without_any_doubt_still_fills_the_budget() -> None:
    points, _ = bunches(6)
    found = create_acquisition("badge").rank(pool_of(points, residuals=np.zeros((6, 2), np.float32)), budget=4)
    assert len(set(found.ids)) == 4 and set(found.scores) == {0.0}


# --- TypiClust -----------------------------------------------------------------------------------


def test_typicality_by_hand() -> None:
    line = np.array([[0.0], [1], [2], [10]], np.float32)
    assert typicality(line) == pytest.approx([1 / 1.5, 1, 1 / 1.5, 1 / 8.5], rel=1e-3)
    assert typicality(line[:1]).tolist() == [0]


def test_typiclust_takes_one_near_the_middle_of_each_bunch() -> None:
    points, owner = bunches(60, 60, 60, 60)
    found = create_acquisition("typiclust").rank(pool_of(points), budget=4)
    picks = [int(name) for name in found.ids]
    assert set(owner[picks]) == {0, 1, 2, 3}
    for pick in picks:
        middle = points[owner == owner[pick]].mean(axis=0)
        assert np.linalg.norm(points[pick] - middle) < 1.5


def test_typiclust_goes_to_bunches_without_labels_first_then_to_large_ones() -> None:
    points, owner = bunches(60, 30, 90)
    found = create_acquisition("typiclust").rank(pool_of(points, labelled=points[owner == 2][:1]), budget=2)
    assert [owner[int(name)] for name in found.ids] == [0, 1]


def test_typiclust_leaves_outliers_for_last() -> None:
    points, owner = bunches(40, 40, 3)
    found = create_acquisition("typiclust").rank(pool_of(points), budget=3)
    assert owner[int(found.ids[2])] != 2


def test_typiclust_never_takes_a_copy_before_another_image() -> None:
    points = np.repeat(np.arange(8, dtype=np.float32)[:, None] / 10, 3, axis=0)
    found = create_acquisition("typiclust").rank(pool_of(points, labelled=None), budget=24)
    assert {int(name) // 3 for name in found.ids[:8]} == set(range(8)) and len(set(found.ids)) == 24


# --- ProbCover -----------------------------------------------------------------------------------


def test_the_radius_stays_within_a_bunch() -> None:
    points, _ = bunches(100, 100)
    radius = pure_radius(points, np.random.default_rng(0))
    assert np.isfinite(radius) and radius < 30
    assert pure_radius(np.ones((40, 2), np.float32), np.random.default_rng(0)) == float("inf")


def test_probcover_covers_no_less_than_chance_and_ever_more() -> None:
    points, _ = bunches(150, 100, 80, 60)
    found = create_acquisition("probcover").rank(pool_of(points), budget=8)
    picks = np.array([int(name) for name in found.ids])
    # What the scores say is what a count of the balls says.
    sample = points[np.argsort(_places(len(points)))]
    radius = pure_radius(sample, np.random.default_rng([0, 4]))
    covered = [coverage(points, picks[:count], radius) for count in range(1, 9)]
    assert np.cumsum(found.scores) == pytest.approx(covered)
    rng = np.random.default_rng(1)
    by_chance = [coverage(points, rng.choice(len(points), 8, replace=False), radius) for _ in range(20)]
    assert covered[-1] >= max(by_chance)


def _places(count: int) -> npt.NDArray[np.intp]:
    from models_zoo.acquisition.types import tie_order

    return tie_order(count, 0)


def test_probcover_leaves_out_what_labelled_images_cover() -> None:
    points = np.concatenate([np.zeros((30, 2)), np.full((20, 2), 9.0)]).astype(np.float32)
    found = create_acquisition("probcover").rank(pool_of(points, labelled=points[:1]), budget=2)
    assert int(found.ids[0]) >= 30 and found.scores == pytest.approx((20 / 50, 0))


def test_large_pools_are_covered_through_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    from models_zoo.acquisition import probcover, typiclust

    monkeypatch.setattr(probcover, "MOST_COMPARED", 50)
    monkeypatch.setattr(typiclust, "_MOST_COMPARED", 16)
    points, owner = bunches(120, 120, 120)
    for name in ("probcover", "typiclust"):
        found = create_acquisition(name).rank(pool_of(points), budget=360)
        assert len(set(found.ids)) == 360
        assert len(set(owner[[int(one) for one in found.ids[:3]]])) >= 2
