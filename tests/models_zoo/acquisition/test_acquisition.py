"""Acquisition functions: the shared contract over the registry, then each one's own rule."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from models_zoo import AcquisitionInfo, UnknownMethod, list_acquisitions
from models_zoo.acquisition import (
    QUESTIONS,
    BestQuestion,
    Disagreement,
    PoolPredictions,
    RegionDoubt,
    UncertaintySummary,
    create_acquisition,
    summarise,
)

INFOS = list_acquisitions()
NAMES = [info.name for info in INFOS]


def pool(count: int = 20, *, seed: int = 0, labelled: int = 3) -> PoolPredictions:
    rng = np.random.default_rng(5)
    summaries = [
        UncertaintySummary(entropy_mean=a, entropy_top=b, margin_mean=c, margin_top=d)
        for a, b, c, d in rng.random((count, 4))
    ]
    embeddings = rng.normal(size=(count, 8)).astype(np.float32)
    return PoolPredictions(
        ids=tuple(f"image-{i}" for i in range(count)),
        uncertainty=summaries,
        disagreement=[
            Disagreement(information_mean=a, information_top=b, votes_mean=c, votes_top=d)
            for a, b, c, d in rng.random((count, 4))
        ],
        regions=[RegionDoubt(entropy=a, divergence=b, box=(0, 0, 1, 1)) for a, b in rng.random((count, 2))],
        questions=[BestQuestion(QUESTIONS[i % 5], value) for i, value in enumerate(rng.random(count))],
        embeddings=embeddings,
        labelled=rng.normal(size=(labelled, 8)).astype(np.float32),
        residuals=rng.random((count, 3)).astype(np.float32),
        seed=seed,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("budget", "expected"), [(-1, 0), (0, 0), (1, 1), (7, 7), (1000, 20)])
def test_the_budget_is_kept_and_nothing_comes_twice(name: str, budget: int, expected: int) -> None:
    ranking = create_acquisition(name).rank(pool(), budget=budget)
    assert len(ranking.ids) == len(ranking.scores) == len(set(ranking.ids)) == expected
    assert set(ranking.ids) <= set(pool().ids)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_finite_and_never_rise(name: str) -> None:
    scores = create_acquisition(name).rank(pool(labelled=0), budget=20).scores
    assert np.isfinite(scores).all()
    assert all(a >= b for a, b in itertools.pairwise(scores))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_pool_gives_the_same_ranking(name: str) -> None:
    acquisition = create_acquisition(name)
    assert acquisition.rank(pool(), budget=9) == acquisition.rank(pool(), budget=9)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_pool_gives_an_empty_ranking(name: str) -> None:
    nothing = PoolPredictions(
        ids=(),
        uncertainty=[],
        disagreement=[],
        regions=[],
        questions=[],
        embeddings=np.zeros((0, 8), np.float32),
        residuals=np.zeros((0, 3), np.float32),
    )
    assert create_acquisition(name).rank(nothing, budget=5).ids == ()


@pytest.mark.parametrize(("name", "part"), [(info.name, part) for info in INFOS for part in info.needs])
def test_a_pool_without_what_is_needed_is_refused(name: str, part: str) -> None:
    with pytest.raises(ValueError, match="needs"):
        create_acquisition(name).rank(replace(pool(), **{part: None}), budget=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("info", INFOS, ids=lambda info: info.name)
def test_no_more_is_needed_than_is_declared(info: AcquisitionInfo) -> None:
    kept = {part: getattr(pool(), part) for part in info.needs}
    found = create_acquisition(info.name).rank(PoolPredictions(ids=pool().ids, **kept), budget=5)
    assert len(found.ids) == 5
    assert (info.needs_embeddings, info.needs_model) == ("embeddings" in kept, bool(kept.keys() - {"embeddings"}))


@pytest.mark.parametrize("info", [info for info in INFOS if info.needs_embeddings], ids=lambda info: info.name)
def test_identical_images_fill_the_budget_and_the_seed_tells_them_apart(info: AcquisitionInfo) -> None:
    same = {
        "embeddings": np.ones((30, 4), np.float32),
        "residuals": np.full((30, 2), 0.1, np.float32),
        "questions": [BestQuestion("point", 0.5)] * 30,
    }
    ids = tuple(str(i) for i in range(30))
    kept = {part: same[part] for part in info.needs}
    found = {
        create_acquisition(info.name).rank(PoolPredictions(ids=ids, seed=seed, **kept), budget=30).ids  # type: ignore[arg-type]
        for seed in (1, 2)
    }
    assert len(found) == 2 and all(set(one) == set(ids) for one in found)


@pytest.mark.parametrize("info", [info for info in INFOS if info.needs_embeddings], ids=lambda info: info.name)
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_embeddings_may_be_of_any_width(info: AcquisitionInfo, dtype: type[np.floating]) -> None:
    points = (np.arange(24).reshape(12, 2) % 7).astype(np.float32)
    wide, other = (
        create_acquisition(info.name).rank(replace(pool(12, labelled=0), embeddings=kind, labelled=None), budget=6)
        for kind in (points, points.astype(dtype))
    )
    assert wide.ids == other.ids


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownMethod, match="core_set"):
        create_acquisition("oracle")


def test_another_seed_gives_another_random_order_and_breaks_ties_otherwise() -> None:
    random = create_acquisition("random")
    assert random.rank(pool(seed=1), budget=20).ids != random.rank(pool(seed=2), budget=20).ids
    same = UncertaintySummary(entropy_mean=0.5, entropy_top=0.5, margin_mean=0.5, margin_top=0.5)
    orders = {
        create_acquisition("entropy")
        .rank(PoolPredictions(ids=tuple("abcdefgh"), uncertainty=[same] * 8, seed=seed), budget=8)
        .ids
        for seed in (1, 2)
    }
    assert len(orders) == 2


def test_entropy_is_one_when_uniform_and_nothing_when_sure() -> None:
    uniform = summarise(np.full((4, 3, 5), 0.25, np.float32))
    assert uniform.entropy_mean == pytest.approx(1) and uniform.margin_mean == pytest.approx(1)
    sure = np.zeros((4, 3, 5), np.float32)
    sure[2] = 1
    nothing = summarise(sure)
    assert nothing.entropy_mean == pytest.approx(0, abs=1e-6) and nothing.margin_top == pytest.approx(0)


def test_the_margin_is_the_lead_of_the_best_class() -> None:
    one_pixel = np.array([0.6, 0.3, 0.1]).reshape(3, 1, 1)
    assert summarise(one_pixel).margin_mean == pytest.approx(0.7)


def test_a_doubtful_corner_counts() -> None:
    corner = np.zeros((2, 4, 4))
    corner[0] = 1
    corner[:, 0] = 0.5
    summary = summarise(corner)
    assert summary.entropy_mean == pytest.approx(0.25) and summary.entropy_top == pytest.approx(1)


def test_numbers_that_are_none_count_as_unsure_and_one_class_as_sure() -> None:
    broken = np.full((3, 2, 2), np.nan)
    assert summarise(broken).entropy_mean == pytest.approx(1)
    assert summarise(np.ones((1, 2, 2))).entropy_mean == 0


@pytest.mark.parametrize("bad", [np.zeros((0, 2, 2)), np.zeros((2, 2)), np.zeros((2, 0, 2))])
def test_a_prediction_without_pixels_is_refused(bad: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        summarise(bad)


@pytest.mark.parametrize(
    "parts",
    [
        {"ids": ("a", "a")},
        {"ids": ("a",), "uncertainty": []},
        {"ids": ("a",), "disagreement": []},
        {"ids": ("a",), "regions": []},
        {"ids": ("a",), "questions": []},
        {"ids": ("a",), "seed": -1},
        {"ids": ("a",), "embeddings": np.zeros((2, 3), np.float32)},
        {"ids": ("a",), "embeddings": np.zeros(1, np.float32)},
        {"ids": ("a",), "embeddings": np.zeros((1, 0), np.float32)},
        {"ids": ("a",), "embeddings": np.zeros((1, 3), np.int64)},
        {"ids": ("a",), "residuals": np.zeros((2, 3), np.float32)},
        {
            "ids": ("a",),
            "embeddings": np.zeros((1, 3), np.float32),
            "labelled": np.zeros((1, 4), np.float32),
        },
    ],
)
def test_parts_that_do_not_belong_together_are_refused(parts: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        PoolPredictions(**parts)  # type: ignore[arg-type]


def test_core_set_takes_one_of_each_cluster_before_a_second() -> None:
    centres = np.array([[0, 0], [10, 0], [0, 10], [10, 10]], np.float32)
    points = np.repeat(centres, 5, axis=0) + np.random.default_rng(0).normal(0, 0.1, (20, 2)).astype(np.float32)
    found = create_acquisition("core_set").rank(
        PoolPredictions(ids=tuple(str(i // 5) + "-" + str(i % 5) for i in range(20)), embeddings=points), budget=4
    )
    assert {name[0] for name in found.ids} == {"0", "1", "2", "3"}


def test_core_set_keeps_away_from_what_is_labelled() -> None:
    points = np.array([[0.0, 0], [1, 0], [5, 0]], np.float32)
    found = create_acquisition("core_set").rank(
        PoolPredictions(ids=("a", "b", "c"), embeddings=points, labelled=points[:1]), budget=2
    )
    assert found.ids == ("c", "b")
    assert found.scores == pytest.approx((5, 1))


def test_core_set_takes_duplicates_last() -> None:
    points = np.array([[0.0, 0], [0, 0], [0, 0], [3, 0]], np.float32)
    found = create_acquisition("core_set").rank(PoolPredictions(ids=tuple("abcd"), embeddings=points), budget=4)
    assert "d" in found.ids[:2] and len(set(found.ids)) == 4


def test_core_set_gives_the_same_picks_from_a_pool_of_many_blocks() -> None:
    points = np.random.default_rng(3).normal(size=(5000, 3)).astype(np.float32)
    labelled = points[:7] + np.float32(0.5)
    found = create_acquisition("core_set").rank(
        PoolPredictions(ids=tuple(map(str, range(5000))), embeddings=points, labelled=labelled), budget=12
    )
    gap = ((points[:, None].astype(np.float64) - labelled[None]) ** 2).sum(axis=2).min(axis=1)
    for name in found.ids:
        assert gap[int(name)] == pytest.approx(gap.max())
        gap = np.minimum(gap, ((points.astype(np.float64) - points[int(name)]) ** 2).sum(axis=1))


@pytest.mark.parametrize("part", ["embeddings", "labelled", "residuals"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused_with_the_image_named(part: str, bad: float) -> None:
    rows = np.ones((9000, 2), np.float32)
    rows[8500, 1] = bad
    parts = {"embeddings": np.ones((9000, 2), np.float32), part: rows}
    with pytest.raises(ValueError, match=rf"{part} has values that are no numbers .*8500.*again"):
        PoolPredictions(ids=tuple(f"n{i}" for i in range(9000)), **parts)  # type: ignore[arg-type]


def test_a_score_that_is_no_number_is_refused_with_the_image_named() -> None:
    broken = UncertaintySummary(entropy_mean=float("nan"), entropy_top=0, margin_mean=0, margin_top=0)
    with pytest.raises(ValueError, match="score of b is not a number"):
        create_acquisition("entropy").rank(
            PoolPredictions(ids=("a", "b"), uncertainty=[summarise(np.ones((1, 2, 2))), broken]), budget=1
        )
