"""Augmentation: picture, labels and boxes move together."""

from __future__ import annotations

import numpy as np
import pytest

from models_zoo import IGNORE
from models_zoo.data.transforms import View, colour_jitter, random_view


def test_the_identity_view_changes_nothing() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (24, 32, 3)).astype(np.uint8)
    view = View(1.0, 1.0, 0.0, 0.0, 32, 24)
    assert (view.warp_rgb(rgb) == rgb).all()
    assert (view.warp_labels(rgb[..., 0]) == rgb[..., 0]).all()


def test_mirroring_maps_pixels_and_boxes_alike() -> None:
    labels = np.zeros((8, 16), np.uint8)
    labels[2:5, 1:4] = 7
    view = View(-1.0, 1.0, 16.0, 0.0, 16, 8)
    assert (view.warp_labels(labels) == labels[:, ::-1]).all()
    assert view.map_box(1, 2, 4, 5) == (12.0, 2.0, 15.0, 5.0)


def test_doubling_covers_pixels_as_intervals() -> None:
    labels = np.array([[1, 2]], np.uint8)
    view = View(2.0, 2.0, 0.0, 0.0, 4, 2)
    assert view.warp_labels(labels).tolist() == [[1, 1, 2, 2]] * 2


def test_outside_the_picture_is_ignored() -> None:
    view = View(1.0, 1.0, 4.0, 0.0, 12, 4)
    warped = view.warp_labels(np.zeros((4, 4), np.uint8))
    assert (warped[:, :4] == IGNORE).all() and (warped[:, 8:] == IGNORE).all()
    assert (warped[:, 4:8] == 0).all()


def test_visible_share_by_hand() -> None:
    assert View(1.0, 1.0, -5.0, 0.0, 10, 10).visible_share(10, 20) == pytest.approx(0.5 * 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_random_views_show_as_much_as_fits(seed: int) -> None:
    view = random_view(np.random.default_rng(seed), (80, 40), (64, 64), base_scale=0.8)
    x0, y0, x1, y1 = view.map_box(0, 0, 80, 40)
    assert (x0 <= 1e-6 and x1 >= 64 - 1e-6) or (x0 >= -1e-6 and x1 <= 64 + 1e-6)
    assert (y0 <= 1e-6 and y1 >= 64 - 1e-6) or (y0 >= -1e-6 and y1 <= 64 + 1e-6)


def test_the_same_generator_gives_the_same_view_and_colours() -> None:
    rgb = np.full((4, 4, 3), 100, np.uint8)
    results = []
    for _ in range(2):
        rng = np.random.default_rng(5)
        results.append((random_view(rng, (8, 8), (8, 8), base_scale=1.0), colour_jitter(rng, rgb).tobytes()))
    assert results[0] == results[1]


def test_colour_jitter_keeps_shape_and_stays_near() -> None:
    rgb = np.full((6, 5, 3), 127, np.uint8)
    jittered = colour_jitter(np.random.default_rng(1), rgb)
    assert jittered.shape == rgb.shape
    assert abs(jittered.astype(int) - 127).max() <= 17
