"""Disagreement between predictions, and the most doubtful region, by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.acquisition import disagree, doubtful_region, superpixels
from models_zoo.acquisition.regions import view_divergence

Floats = npt.NDArray[np.float64]


def passes(*pixels: list[list[float]]) -> Floats:
    """(T, C, 1, n) from one row of (T, C) a pixel."""
    return np.array(pixels).transpose(1, 2, 0)[:, :, None, :]


def test_opposite_sure_answers_disagree_fully_and_equal_ones_not_at_all() -> None:
    opposite = disagree(passes([[1, 0], [0, 1]]))
    assert (opposite.information_mean, opposite.votes_mean) == pytest.approx((1, 1))
    for same in ([[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.9, 0.1]]):
        agreed = disagree(passes(same))
        assert (agreed.information_top, agreed.votes_top) == pytest.approx((0, 0), abs=1e-9)


def test_information_by_hand() -> None:
    found = disagree(passes([[0.8, 0.2], [0.4, 0.6]]))

    def entropy(p: float) -> float:
        return float(-p * np.log(p) - (1 - p) * np.log(1 - p))

    expected = (entropy(0.6) - (entropy(0.8) + entropy(0.4)) / 2) / np.log(2)
    assert found.information_mean == pytest.approx(expected)
    assert found.votes_mean == pytest.approx(1)


def test_information_is_never_negative_and_one_contested_corner_counts() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), (5, 3, 8)).transpose(0, 3, 1, 2)
    assert 0 <= disagree(p).information_mean <= disagree(p).information_top <= 1
    agreed: list[list[float]] = [[1, 0], [1, 0]]
    corner = passes(agreed, agreed, agreed, [[1, 0], [0, 1]])
    assert disagree(corner).information_mean == pytest.approx(0.25)
    assert disagree(corner).information_top == pytest.approx(1)


def test_one_class_cannot_be_contested_and_numbers_that_are_none_are_no_knowledge() -> None:
    assert disagree(np.ones((2, 1, 2, 2))).information_mean == 0
    broken = np.full((2, 3, 1, 1), np.nan)
    assert disagree(broken).information_mean == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((1, 2, 3, 3)), "two or more"),
        (np.zeros((2, 3, 3)), "predictions, classes, h, w"),
        (np.zeros((2, 2, 0, 3)), "not empty"),
        ([np.zeros((2, 3, 3)), np.zeros((2, 3, 4))], "one shape"),
    ],
)
def test_predictions_that_cannot_be_compared_are_refused(bad: Floats, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        disagree(bad)


def test_divergence_between_views_by_hand() -> None:
    one, other = np.array([0.8, 0.2]), np.array([0.4, 0.6])
    expected = ((one * np.log(one / other)).sum() + (other * np.log(other / one)).sum()) / 2
    assert view_divergence(passes([one.tolist(), other.tolist()]))[0, 0] == pytest.approx(expected)
    three = passes([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]])
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    by_pair = [(three[a] * np.log(three[a] / three[b])).sum() for a, b in pairs]
    assert view_divergence(three)[0, 0] == pytest.approx(np.mean(by_pair))


def regions_of(*columns: list[list[float]]) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Predictions of a picture of eight rows whose columns are the regions."""
    p = np.repeat(passes(*columns), 8, axis=2)
    return p, np.tile(np.arange(len(columns)), (8, 1))


def test_the_region_with_the_highest_entropy_is_asked_about() -> None:
    found = doubtful_region(*regions_of([[1, 0], [1, 0]], [[0.6, 0.4], [0.6, 0.4]], [[0.9, 0.1], [0.9, 0.1]]))
    assert found.box == pytest.approx((1 / 3, 0, 2 / 3, 1))
    assert found.entropy == pytest.approx(-(0.6 * np.log(0.6) + 0.4 * np.log(0.4)) / np.log(2))
    assert found.divergence == pytest.approx(0)


def test_of_equally_doubtful_regions_the_one_whose_views_diverge_is_asked_about() -> None:
    found = doubtful_region(*regions_of([[0.5, 0.5], [0.5, 0.5]], [[0.95, 0.05], [0.05, 0.95]]))
    assert found.divergence > 1 and found.box == pytest.approx((0.5, 0, 1, 1))


def test_what_a_person_marked_and_slivers_are_not_asked_about() -> None:
    p, regions = regions_of([[0.5, 0.5], [0.5, 0.5]], [[0.6, 0.4], [0.6, 0.4]], [[1, 0], [1, 0]])
    assert doubtful_region(p, regions, ignore=regions == 0).box == pytest.approx((1 / 3, 0, 2 / 3, 1))
    regions = np.where(np.arange(24).reshape(8, 3) == 0, 9, np.maximum(regions, 1))
    assert doubtful_region(p, regions).box == pytest.approx((0, 0, 2 / 3, 1))


def test_regions_of_another_shape_are_refused() -> None:
    p, regions = regions_of([[1, 0], [1, 0]])
    with pytest.raises(ValueError, match=r"\(8, 1\)"):
        doubtful_region(p, regions.T)
    with pytest.raises(ValueError, match="ignore"):
        doubtful_region(p, regions, ignore=np.zeros((1, 8), np.bool_))


def test_superpixels_follow_an_edge_and_are_about_as_many_as_asked() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 33:] = 200
    found = superpixels(picture, 24)
    assert found.shape == (40, 60) and 16 <= len(np.unique(found)) <= 30
    assert not set(found[:, :33].ravel()) & set(found[:, 33:].ravel())


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (3, 2, 3)])
def test_superpixels_of_tiny_pictures(shape: tuple[int, ...]) -> None:
    assert superpixels(np.full(shape, 7, np.uint8)).shape == shape[:2]


def test_superpixels_refuse_what_is_no_picture() -> None:
    with pytest.raises(ValueError, match="h, w, 3"):
        superpixels(np.zeros((4, 4), np.uint8))
