"""Pixel-adaptive refinement: flat images, edges, linearity, clamping."""

from __future__ import annotations

import numpy as np
import torch

from models_zoo.polish import par
from models_zoo.polish.par import affinities, refine


def _scores(seed: int = 0, classes: int = 3, size: int = 24) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    raw = np.random.default_rng(seed).random((classes, size, size)).astype(np.float32)
    return np.asarray(raw / raw.sum(axis=0), np.float32)


def _two_colours(size: int = 24) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rgb = np.full((size, size, 3), 40, np.uint8)
    rgb[:, size // 2 :] = 200
    return rgb


def test_weights_sum_to_one_point_oh_one() -> None:
    rgb = torch.rand(2, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(affinities(rgb).sum(dim=0), torch.full((2, 20, 30), 1.01))


def test_constant_scores_stay() -> None:
    scores = np.full((2, 16, 16), 0.5, np.float32)
    scores[0], scores[1] = 0.3, 0.7
    np.testing.assert_allclose(par(_two_colours(16), scores), scores, atol=1e-5)


def test_a_flat_image_gives_no_nan_and_smooths() -> None:
    refined = par(np.full((24, 24, 3), 77, np.uint8), _scores())
    assert np.isfinite(refined).all()
    assert refined.std() < 0.2 * _scores().std()


def test_scores_spread_within_a_colour_and_stop_at_the_edge() -> None:
    scores = np.full((2, 24, 24), 0.5, np.float32)
    scores[0, 10:14, 2:6], scores[1, 10:14, 2:6] = 1.0, 0.0
    refined = par(_two_colours(), scores)
    assert refined[0, 12, 9] > refined[0, 12, 14] + 0.01
    assert abs(refined[0, 12, 20] - 0.5) < 0.01


def test_order_of_classes_does_not_matter() -> None:
    scores = _scores()
    turned = par(_two_colours(), scores[[2, 0, 1]])
    np.testing.assert_allclose(par(_two_colours(), scores)[[2, 0, 1]], turned, atol=1e-6)


def test_marked_pixels_are_kept_and_ruled_out_ones_stay_out() -> None:
    scores = _scores()
    fixed = np.zeros_like(scores)
    fixed[1, 3, 3] = 1.0
    excluded = np.zeros(scores.shape, np.bool_)
    excluded[2, :, 12:] = True
    refined = par(_two_colours(), scores, fixed=fixed, excluded=excluded)
    assert refined[1, 3, 3] == 1.0
    assert not refined[2, :, 12:].any()
    np.testing.assert_allclose(refined.sum(axis=0), 1.0, atol=1e-5)


def test_no_iterations_return_the_scores() -> None:
    np.testing.assert_allclose(par(_two_colours(), _scores(), iterations=0), _scores(), atol=1e-6)


def test_ruling_everything_out_leaves_the_network_to_decide() -> None:
    excluded = np.ones((3, 24, 24), np.bool_)
    refined = par(_two_colours(), _scores(), excluded=excluded, iterations=0)
    np.testing.assert_allclose(refined, _scores(), atol=1e-6)


def test_a_batch_is_refined_image_by_image() -> None:
    generator = torch.Generator().manual_seed(1)
    rgb, scores = torch.rand(2, 3, 16, 16, generator=generator), torch.rand(2, 4, 16, 16, generator=generator)
    together = refine(rgb, scores, dilations=(1, 2))
    torch.testing.assert_close(together[1:], refine(rgb[1:], scores[1:], dilations=(1, 2)))
