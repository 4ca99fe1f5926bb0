"""Confident learning: hand-counted joints, identities of the card, planted errors found, refusals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.confident_learning import (
    LabelCheckError,
    Rule,
    confident_joint,
    of_image,
    of_items,
    of_pixels,
    of_regions,
    pixel_issues,
    softmin,
)
from models_zoo.marks import IGNORE, UNLABELLED

LABELS = np.array([0, 0, 0, 1, 1])
PROBS = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]])
RULES: tuple[Rule, ...] = ("noise_rate", "confident", "class")


def planted(
    seed: int, count: int = 400, share: float = 0.1
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Labels of which a share is wrong, out-of-sample probabilities, and which ones are."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, count)
    logits = rng.normal(0, 1, (count, 4)) + 4 * np.eye(4)[truth]
    wrong = rng.random(count) < share
    labels = np.where(wrong, (truth + rng.integers(1, 4, count)) % 4, truth)
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), wrong


def test_the_joint_of_five_items_by_hand() -> None:
    # t_0 = (0.9 + 0.8 + 0.2) / 3 = 0.633, t_1 = (0.7 + 0.9) / 2 = 0.8.
    found = confident_joint(LABELS, PROBS)
    np.testing.assert_allclose(found.thresholds, [1.9 / 3, 0.8])
    assert found.guesses.tolist() == [0, 0, 1, -1, 1]  # 0.7 reaches neither threshold
    assert found.counts.tolist() == [[2, 1], [0, 1]]
    np.testing.assert_allclose(found.joint, [[2, 1], [0, 2]])
    assert found.noise_rate == pytest.approx(0.2)


@pytest.mark.parametrize("rule", RULES)
def test_the_item_that_looks_otherwise_is_found(rule: Rule) -> None:
    found = of_items(LABELS, PROBS, rule=rule)
    assert found.suspect.tolist() == [False, False, True, False, False]
    assert found.suggestion.tolist() == [0, 0, 1, 1, 1]
    assert found.worst_first().tolist() == [2]
    np.testing.assert_allclose(found.quality, [0.9, 0.8, 0.2, 0.7, 0.9])
    np.testing.assert_allclose(found.margin, [0.9, 0.8, 0.2, 0.7, 0.9])


@pytest.mark.parametrize("rule", RULES)
def test_perfect_predictions_leave_nothing_in_doubt(rule: Rule) -> None:
    labels = np.array([0, 1, 2, 2, 1])
    found = of_items(labels, np.eye(3)[labels], rule=rule)
    assert not found.suspect.any()
    assert (found.joint.counts == np.diag([1, 2, 2])).all() and found.joint.noise_rate == 0


def test_renaming_classes_renames_the_joint() -> None:
    labels, probs, _ = planted(0)
    names = np.array([2, 0, 3, 1])
    renamed = np.empty_like(probs)
    renamed[:, names] = probs
    plain, other = confident_joint(labels, probs), confident_joint(names[labels], renamed)
    np.testing.assert_array_equal(other.counts[np.ix_(names, names)], plain.counts)


def test_rows_of_the_joint_sum_to_the_labels_given() -> None:
    labels, probs, _ = planted(1)
    found = confident_joint(labels, probs)
    np.testing.assert_allclose(found.joint.sum(axis=1), np.bincount(labels, minlength=4))


def test_a_class_nobody_labelled_cannot_be_guessed() -> None:
    found = confident_joint(np.zeros(3, np.int64), np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]))
    assert found.thresholds[1] > 1
    assert set(found.guesses.tolist()) <= {0, -1} and found.counts[1].sum() == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_errors_are_found_and_ranked(seed: int) -> None:
    labels, probs, wrong = planted(seed)
    found = of_items(labels, probs)
    assert (wrong & found.suspect).sum() / max(1, found.suspect.sum()) > 0.6
    lower = (found.quality[wrong][:, None] < found.quality[~wrong][None]).mean()
    assert lower > 0.85  # area under the ROC curve
    assert found.joint.noise_rate == pytest.approx(0.1, abs=0.05)


def test_one_item_of_each_class_is_spared() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    probs = np.array([[0.4, 0.6], [0.3, 0.7], [0.0, 1.0], [0.1, 0.9], [0.0, 1.0]])
    found = of_items(labels, probs, rule="confident")
    assert not found.suspect[0]


def test_ignored_items_are_not_judged() -> None:
    labels = np.array([0, IGNORE, 1, UNLABELLED])
    found = of_items(labels, np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.5, 0.5]]))
    assert np.isnan(found.quality[[1, 3]]).all() and np.isnan(found.margin[[1, 3]]).all()
    assert found.suggestion.tolist() == [0, -1, 1, -1] and not found.suspect.any()
    nothing = of_items(np.full(3, IGNORE), np.full((3, 2), 0.5))
    assert not nothing.suspect.any() and nothing.joint.noise_rate == 0


def test_one_class_and_no_items_are_defined() -> None:
    one = of_items(np.zeros(3, np.int64), np.ones((3, 1)))
    assert (one.margin == 1).all() and not one.suspect.any()
    none = of_items(np.zeros(0, np.int64), np.zeros((0, 2)))
    assert len(none.quality) == 0 and none.joint.noise_rate == 0


def test_the_soft_minimum_lies_between_the_smallest_and_the_mean() -> None:
    scores = np.array([0.2, 0.9, 0.95, np.nan])
    made = softmin(scores)
    assert 0.2 < made < np.nanmean(scores)
    weights = np.exp((1 - scores[:3]) / 0.1)
    assert made == pytest.approx(float((scores[:3] * weights).sum() / weights.sum()))
    assert softmin(np.full(4, 0.7)) == pytest.approx(0.7)
    assert np.isnan(softmin(np.array([np.nan])))
    with pytest.raises(LabelCheckError, match="temperature"):
        softmin(scores, temperature=0)


def _map() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """A map whose lower right corner is labelled 0 but looks like 1, and one ignored pixel."""
    looks = np.zeros((8, 8), np.int64)
    looks[:, 4:] = 1
    labels = looks.copy()
    labels[6:, 6:] = 0
    labels[0, 0] = IGNORE
    probs = np.where(np.stack([looks == 0, looks == 1]), 0.9, 0.1)
    return labels, probs


def test_pixels_have_the_probability_of_their_label() -> None:
    labels, probs = _map()
    quality = of_pixels(labels, probs)
    assert np.isnan(quality[0, 0])
    assert (quality[6:, 6:] == 0.1).all() and quality[3, 3] == 0.9 and quality[3, 5] == 0.9


def test_a_map_with_a_wrong_corner_is_worse_than_one_without() -> None:
    labels, probs = _map()
    right = labels.copy()
    right[6:, 6:] = 1
    assert of_image(labels, probs) < 0.3 < 0.85 < of_image(right, probs)
    assert np.isnan(of_image(np.full((8, 8), IGNORE), probs))


@pytest.mark.parametrize("every", [1, 2])
def test_wrong_pixels_are_found_and_ignored_ones_are_not(every: int) -> None:
    labels, probs = _map()
    found = pixel_issues([labels, labels], [probs, probs], every=every)
    expected = np.zeros((8, 8), np.bool_)
    expected[6:, 6:] = True
    assert len(found) == 2 and (found[0] == expected).all() and (found[1] == expected).all()
    assert pixel_issues([], []) == []


def test_regions_get_their_mean_and_what_they_look_like() -> None:
    labels, probs = _map()
    regions = np.full((8, 8), 3)
    regions[6:, 6:], regions[0, 0], regions[1, 1] = 0, 1, -1
    quality, looks = of_regions(regions, labels, probs)
    assert quality[0] == pytest.approx(0.1) and looks[0] == 1
    assert np.isnan(quality[[1, 2]]).all() and looks[[1, 2]].tolist() == [-1, -1]  # ignored; empty
    assert quality[3] == pytest.approx(0.9)


def test_what_makes_no_sense_is_refused() -> None:
    for labels, probs, message in (
        (LABELS, PROBS[:3], "one row of probabilities"),
        (LABELS, PROBS * np.nan, "finite"),
        (LABELS, PROBS * 5, "softmax"),
        (np.array([0, 0, 0, 1, 7]), PROBS, "none of the 2 class positions"),
        (np.array([0, 0, 0, 1, -1]), PROBS, "none of the 2 class positions"),
    ):
        with pytest.raises(LabelCheckError, match=message):
            of_items(labels, probs)
    labels, maps = _map()
    with pytest.raises(LabelCheckError, match="probabilities must be"):
        of_pixels(labels, maps[:, :4])
    with pytest.raises(LabelCheckError, match="one size"):
        of_regions(np.zeros((2, 2), np.int64), labels, maps)
    with pytest.raises(LabelCheckError, match="as many label maps"):
        pixel_issues([labels], [])
    with pytest.raises(LabelCheckError, match="every"):
        pixel_issues([labels], [maps], every=0)
