"""Dense CRF and its lattice: identities of the mean field, and how close the lattice comes to brute force."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.refiners.dense_crf import (
    DETAIL,
    SEEDS,
    CrfSettings,
    Kernel,
    bilateral_kernel,
    mean_field,
    refine,
    smooth_kernel,
    symmetric,
)
from models_zoo.refiners.lattice import LatticeError, build_lattice
from models_zoo.refiners.running import Held

Floats = npt.NDArray[np.float32]
SIDE = 24


def _picture() -> npt.NDArray[np.uint8]:
    ys, xs = np.mgrid[:SIDE, :SIDE]
    ramp = np.stack([xs * 4, ys * 3, 120 - xs], axis=2)
    ramp[:, SIDE // 2 :] += 90
    return (ramp + np.random.default_rng(0).integers(0, 9, ramp.shape)).clip(0, 255).astype(np.uint8)


def _scores() -> Floats:
    ys, xs = np.mgrid[:SIDE, :SIDE] / SIDE
    raw = np.stack([np.exp(-3 * xs), np.exp(-3 * (1 - xs)), 0.5 * np.exp(-3 * np.abs(ys - 0.5))])
    raw *= np.random.default_rng(2).uniform(0.5, 1.5, raw.shape)
    return np.asarray(raw / raw.sum(axis=0), np.float32)


def _brute(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    return np.asarray(np.exp(-0.5 * np.square(points[:, None] - points[None]).sum(axis=2)))


def _brute_bilateral(settings: CrfSettings) -> Kernel:
    ys, xs = np.mgrid[:SIDE, :SIDE].reshape(2, -1)
    place = np.stack([xs, ys], axis=1) / (settings.place * SIDE / 500)
    kernel = _brute(np.concatenate([place, _picture().reshape(-1, 3) / settings.colour], axis=1))
    return symmetric(
        lambda maps: np.asarray((maps.reshape(len(maps), -1) @ kernel).reshape(maps.shape), np.float32), (SIDE, SIDE)
    )


def test_every_point_is_shared_out_in_full_and_by_no_negative_share() -> None:
    points = np.random.default_rng(0).normal(0, 3, (200, 5)).astype(np.float32)
    share = build_lattice(points).share
    np.testing.assert_allclose(share.sum(axis=1), 1, atol=1e-5)
    assert share.data.min() >= -1e-6


def test_points_in_the_same_place_get_the_same_and_far_ones_nothing() -> None:
    points = np.array([[0, 0], [0, 0], [90, 90]], np.float32)
    made = build_lattice(points).filter(np.array([[1.0], [0.0], [5.0]], np.float32))
    assert made[0, 0] == pytest.approx(made[1, 0])
    assert made[2, 0] == pytest.approx(5 * made[0, 0], rel=0.5)  # its own value alone


def test_a_filter_in_two_dimensions_is_a_gaussian_within_three_hundredths() -> None:
    ys, xs = np.mgrid[:40, :40].reshape(2, -1)
    points = np.stack([xs, ys], axis=1) / 4.0
    values = np.random.default_rng(3).random((1600, 1))
    values[:800] += 1
    kernel = _brute(points)
    exact = (kernel @ values) / kernel.sum(axis=1, keepdims=True)
    lattice = build_lattice(points.astype(np.float32))
    made = lattice.filter(values.astype(np.float32)) / lattice.filter(np.ones((1600, 1), np.float32))
    assert np.abs(made - exact).mean() < 0.03


def test_features_too_wide_for_the_lattice_say_what_to_do() -> None:
    with pytest.raises(LatticeError, match="wider Gaussians"):
        build_lattice(np.array([[0.0] * 6, [1e5] * 6], np.float32))


@pytest.mark.parametrize(("crf", "error"), [(SEEDS, 0.03), (DETAIL, 0.02)])
def test_marginals_are_close_to_brute_force(crf: CrfSettings, error: float) -> None:
    smooth = (crf.smooth_weight, smooth_kernel((SIDE, SIDE), crf))
    ours = mean_field(_scores(), [(crf.bilateral_weight, bilateral_kernel(_picture(), crf)), smooth], Held(), steps=10)
    exact = mean_field(_scores(), [(crf.bilateral_weight, _brute_bilateral(crf)), smooth], Held(), steps=10)
    assert np.abs(ours - exact).mean() < error
    assert (ours.argmax(axis=0) == exact.argmax(axis=0)).mean() > 0.95


def test_two_pixels_by_hand() -> None:
    kernel = np.array([[0.0, 0.5], [0.5, 0.0]])
    scores = np.array([[[0.9, 0.4]], [[0.1, 0.6]]], np.float32)
    made = mean_field(scores, [(2.0, lambda maps: np.asarray(maps @ kernel, np.float32))], Held(), steps=1)
    # Pixel 1 hears 2 * 0.5 * (0.9, 0.1) from pixel 0.
    expected = 0.4 * np.exp(0.9) / (0.4 * np.exp(0.9) + 0.6 * np.exp(0.1))
    assert made[0, 0, 1] == pytest.approx(expected, rel=1e-5)


def test_no_weights_and_no_steps_return_the_scores() -> None:
    for settings in (CrfSettings(bilateral_weight=0, smooth_weight=0), CrfSettings(steps=0)):
        np.testing.assert_allclose(refine(_picture(), _scores(), Held(), settings=settings), _scores(), atol=1e-6)


def test_adding_the_same_to_all_unaries_changes_nothing() -> None:
    made = refine(_picture(), _scores(), Held(), settings=CrfSettings(steps=3))
    np.testing.assert_allclose(
        refine(_picture(), _scores() * 0.3, Held(), settings=CrfSettings(steps=3)), made, atol=1e-4
    )


def test_like_pixels_are_treated_alike() -> None:
    flat = np.full((9, 9, 3), 100, np.uint8)
    scores = np.full((2, 9, 9), 0.4, np.float32)
    scores[1] = 0.6
    made = refine(flat, scores, Held())
    np.testing.assert_allclose(made, made[:, ::-1, :], atol=1e-5)
    np.testing.assert_allclose(made, made[:, :, ::-1], atol=1e-5)
    assert (made[1] > 0.9).all()


def test_a_marked_pixel_holds_against_all_others() -> None:
    flat = np.full((9, 9, 3), 100, np.uint8)
    scores, fixed = np.zeros((2, 9, 9), np.float32), np.zeros((2, 9, 9), np.float32)
    scores[0], fixed[1, 4, 4] = 1, 1
    made = refine(flat, scores, Held(fixed))
    assert made[1, 4, 4] == 1 and (made[0].ravel() > 0.9).sum() == 80
