"""Every registered refiner: obeys the marks, keeps shapes and sums, follows colours, refuses what makes no sense."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from models_zoo import RefinerInfo, UnknownMethod, list_refiners
from models_zoo.polish import par
from models_zoo.refiners.batches import refine_batch
from models_zoo.refiners.info import DEFAULT
from models_zoo.refiners.running import Held, RefinerError, create_refiner, refine_scores, resize

Floats = npt.NDArray[np.float32]
Rgb = npt.NDArray[np.uint8]

EVERY = pytest.mark.parametrize("name", [info.name for info in list_refiners()])
ACTING = pytest.mark.parametrize("name", [info.name for info in list_refiners() if info.name != "none"])


def scores_of(seed: int = 0, classes: int = 3, height: int = 20, width: int = 26) -> Floats:
    drawn = np.random.default_rng(seed).dirichlet(np.ones(classes), (height, width))
    return np.ascontiguousarray(drawn.transpose(2, 0, 1).astype(np.float32))


def picture(height: int = 20, width: int = 26) -> Rgb:
    """Two colours with a little grain, the border at half the width."""
    rgb = np.full((height, width, 3), (40, 60, 50), np.int64)
    rgb[:, width // 2 :] = (200, 170, 180)
    return (rgb + np.random.default_rng(1).integers(-3, 4, rgb.shape)).astype(np.uint8)


@EVERY
def test_a_refiner_explains_itself(name: str) -> None:
    info = next(info for info in list_refiners() if info.name == name)
    assert isinstance(info, RefinerInfo)
    assert info.title and info.summary.endswith(".") and callable(create_refiner(name))


@EVERY
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 3), (19, 33)])
def test_any_size_gives_scores_that_sum_to_one(name: str, size: tuple[int, int]) -> None:
    refined = refine_scores(name, picture(*size), scores_of(height=size[0], width=size[1]))
    assert refined.shape == (3, *size) and refined.dtype == np.float32
    assert np.isfinite(refined).all() and refined.min() >= 0
    np.testing.assert_allclose(refined.sum(axis=0), 1, atol=1e-5)


@EVERY
def test_marked_pixels_stay_and_ruled_out_classes_stay_out(name: str) -> None:
    scores = scores_of()
    fixed, excluded = np.zeros_like(scores), np.zeros(scores.shape, np.bool_)
    fixed[1, 3, 3:9] = 1
    excluded[2, :, 13:] = True
    refined = refine_scores(name, picture(), scores, fixed=fixed, excluded=excluded)
    np.testing.assert_array_equal(refined[:, 3, 3:9], fixed[:, 3, 3:9])
    assert not refined[2, :, 13:].any()


@EVERY
def test_marked_pixels_stay_when_the_picture_is_refined_smaller(name: str) -> None:
    scores = scores_of(height=50, width=90)
    fixed = np.zeros_like(scores)
    fixed[2, 21, 10:80] = 1
    refined = refine_scores(name, picture(50, 90), scores, fixed=fixed, working_side=32)
    np.testing.assert_array_equal(refined[:, 21, 10:80], fixed[:, 21, 10:80])
    np.testing.assert_allclose(refined.sum(axis=0), 1, atol=1e-5)


@EVERY
def test_one_class_is_certain_everywhere(name: str) -> None:
    refined = refine_scores(name, picture(), np.full((1, 20, 26), 0.3, np.float32))
    np.testing.assert_allclose(refined, 1, atol=1e-6)


@EVERY
def test_scores_of_nothing_become_even_and_a_flat_picture_gives_no_nan(name: str) -> None:
    flat = np.full((12, 15, 3), 90, np.uint8)
    refined = refine_scores(name, flat, np.zeros((2, 12, 15), np.float32))
    if name != "par":  # training relies on what PAR does with nothing: nothing
        np.testing.assert_allclose(refined, 0.5, atol=1e-6)
    assert np.isfinite(refine_scores(name, flat, scores_of(height=12, width=15))).all()


@EVERY
def test_the_order_of_classes_does_not_matter(name: str) -> None:
    scores, turned = scores_of(), [2, 0, 1]
    made = refine_scores(name, picture(), scores)
    np.testing.assert_allclose(refine_scores(name, picture(), scores[turned]), made[turned], atol=2e-5)


@EVERY
def test_the_same_input_gives_the_same_bytes_and_is_left_alone(name: str) -> None:
    rgb, scores = picture(), scores_of()
    before = rgb.tobytes(), scores.tobytes()
    first, second = (refine_scores(name, rgb, scores) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert (rgb.tobytes(), scores.tobytes()) == before


@ACTING
def test_a_border_that_is_off_moves_to_the_colours(name: str) -> None:
    height, width = 64, 64
    scores = np.full((2, height, width), 0.2, np.float32)
    border = width // 2 + 3  # three pixels beyond the edge of the colours
    scores[0, :, :border] = scores[1, :, border:] = 0.8
    soft = np.stack([np.asarray(cv2.blur(part, (11, 1)), np.float32) for part in scores])
    wrong_before = int((soft.argmax(axis=0)[:, width // 2 :] == 0).sum())
    refined = refine_scores(name, picture(height, width), soft)
    wrong = int((refined.argmax(axis=0)[:, width // 2 :] == 0).sum()) + int(
        (refined.argmax(axis=0)[:, : width // 2] == 1).sum()
    )
    assert wrong_before >= 2 * height
    assert wrong < wrong_before * (
        0.5 if name in ("dense_crf", "random_walk", "tree_filter", "joint_bilateral") else 1.0
    )


@EVERY
def test_a_grey_picture_is_taken_as_three_like_channels(name: str) -> None:
    grey = picture()[:, :, 0]
    threefold = np.repeat(grey[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(refine_scores(name, grey, scores_of()), refine_scores(name, threefold, scores_of()))


@EVERY
def test_bad_input_is_refused_with_what_to_mend(name: str) -> None:
    scores = scores_of()
    broken = scores.copy()
    broken[0, 0, 0] = np.nan
    for bad, message in (
        (broken, "NaN"),
        (scores - 0.9, "negative"),
        (scores[:, :5], "resize it"),
        (scores[0], r"\(classes, height, width\)"),
        (scores[:0], "not empty"),
    ):
        with pytest.raises(RefinerError, match=message):
            refine_scores(name, picture(), bad)
    with pytest.raises(RefinerError, match="resize it"):
        refine_scores(name, picture().astype(np.float32), scores)
    with pytest.raises(RefinerError, match="excluded must have the shape"):
        refine_scores(name, picture(), scores, excluded=np.zeros((3, 2, 2), np.bool_))
    with pytest.raises(RefinerError, match="fixed hold NaN"):
        refine_scores(name, picture(), scores, fixed=broken)
    with pytest.raises(RefinerError, match="features must be"):
        refine_scores(name, picture(), scores, features=np.zeros((4, 4), np.float32))
    with pytest.raises(RefinerError, match="compute them again"):
        refine_scores(name, picture(), scores, features=np.full((2, 4, 4), np.inf, np.float32))


def test_an_unknown_refiner_lists_the_known_ones() -> None:
    with pytest.raises(UnknownMethod, match="tree_filter"):
        create_refiner("magic")


def test_the_default_is_par_bit_for_bit() -> None:
    scores = scores_of()
    fixed, excluded = np.zeros_like(scores), np.zeros(scores.shape, np.bool_)
    fixed[1, 3, 3], excluded[0, 5:, 7] = 1, True
    assert DEFAULT == "par"
    made = refine_scores("par", picture(), scores, fixed=fixed, excluded=excluded)
    assert made.tobytes() == par(picture(), scores, fixed=fixed, excluded=excluded).tobytes()


def test_none_changes_nothing_but_what_is_marked() -> None:
    scores = scores_of()
    fixed = np.zeros_like(scores)
    fixed[0, 2, 2] = 1
    made = refine_scores("none", picture(), scores, fixed=fixed)
    assert made[0, 2, 2] == 1
    made[:, 2, 2] = scores[:, 2, 2]
    np.testing.assert_allclose(made, scores, atol=1e-6)


def test_a_picture_of_eight_thousand_pixels_is_refined_on_a_small_copy() -> None:
    width = 8000
    rgb, scores = picture(3, width), np.full((2, 3, width), 0.5, np.float32)
    scores[0, :, : width // 2], scores[1, :, : width // 2] = 0.9, 0.1
    fixed = np.zeros_like(scores)
    fixed[1, 1, 17] = 1
    refined = refine_scores("tree_filter", rgb, scores, fixed=fixed)
    assert refined.shape == scores.shape and refined[1, 1, 17] == 1
    assert (refined[0, :, 200 : width // 2 - 200] > 0.7).all()


def test_ruling_out_every_class_leaves_the_network_to_decide() -> None:
    scores = scores_of()
    held = Held(excluded=np.ones(scores.shape, np.bool_))
    np.testing.assert_allclose(held.apply(scores), scores, atol=1e-6)


def test_a_cell_of_the_small_copy_is_fixed_if_any_of_it_is_and_ruled_out_only_if_all_of_it_is() -> None:
    fixed, excluded = np.zeros((2, 8, 8), np.float32), np.zeros((2, 8, 8), np.bool_)
    fixed[1, 0, 0] = 1
    excluded[0, 4:, 4:], excluded[0, 0, 7] = True, True
    small = Held(fixed, excluded).resized((2, 2))
    assert small.fixed is not None and small.excluded is not None
    np.testing.assert_array_equal(small.fixed[1], [[1, 0], [0, 0]])
    np.testing.assert_array_equal(small.excluded[0], [[False, False], [False, True]])


def test_maps_shrink_by_averaging() -> None:
    maps = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    np.testing.assert_allclose(resize(maps, (2, 2))[0], [[2.5, 4.5], [10.5, 12.5]])


def test_a_batch_is_refined_image_by_image() -> None:
    pictures = np.stack([picture(), picture()[:, ::-1]])
    scores = np.stack([scores_of(0), scores_of(1)])
    fixed, excluded = np.zeros_like(scores), np.zeros(scores.shape, np.bool_)
    fixed[1, 2, 4, 4] = 1
    rgb = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255
    made = refine_batch("guided_filter", rgb, *(torch.from_numpy(part) for part in (scores, fixed, excluded)))
    for number in range(2):
        alone = refine_scores("guided_filter", pictures[number], scores[number], fixed=fixed[number])
        np.testing.assert_array_equal(made[number].numpy(), alone)
