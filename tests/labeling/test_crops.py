"""Crops: the right piece of the picture, with the outline where the mask says."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PILImage

from labeling.crops import SIDE, draw_crop, region_box, with_margin
from models_zoo import encode_png
from tests.factories import picture_bytes


def crop_of(label_map: np.ndarray, rgb: np.ndarray, index: int = 1, fmt: str = "PNG") -> np.ndarray:
    drawn = draw_crop(picture=picture_bytes(rgb, fmt), mask_png=encode_png(label_map), class_index=index)
    assert drawn is not None
    with PILImage.open(io.BytesIO(drawn)) as opened:
        assert opened.format == "JPEG"
        return np.asarray(opened.convert("RGB")).astype(int)


def test_a_box_is_half_open_and_its_margin_stays_inside() -> None:
    region = np.zeros((50, 60), np.bool_)
    region[10:20, 5:45] = True
    assert region_box(region) == (5, 10, 45, 20)
    assert with_margin((5, 10, 45, 20), width=60, height=50) == (0, 2, 53, 28)
    assert region_box(np.zeros((3, 3), np.bool_)) is None


def test_the_crop_shows_the_region_with_a_light_and_a_dark_line() -> None:
    rgb = np.full((200, 300, 3), (20, 90, 200), np.uint8)
    rgb[80:120, 100:140] = (210, 60, 30)
    label_map = np.zeros((200, 300), np.uint8)
    label_map[80:120, 100:140] = 1
    crop = crop_of(label_map, rgb)
    assert max(crop.shape[:2]) == SIDE
    height, width = crop.shape[:2]
    assert np.abs(crop[height // 2, width // 2] - (210, 60, 30)).max() < 25
    assert np.abs(crop[4, 4] - (20, 90, 200)).max() < 25
    row = crop[height // 2].sum(axis=1)
    assert row.max() > 690 and row.min() < 75, "white inside, black outside"
    assert np.argmin(row[: width // 2]) < np.argmax(row[: width // 2])


@pytest.mark.parametrize("fmt", ["PNG", "JPEG"])
def test_a_picture_of_another_size_is_cut_at_the_same_place(fmt: str) -> None:
    """Large JPEGs are decoded at a fraction of their size, and masks may be coarser than pictures."""
    label_map = np.zeros((400, 600), np.uint8)
    label_map[100:300, 200:500] = 1
    rgb = np.zeros((1600, 2400, 3), np.uint8)
    rgb[400:1200, 800:2000] = (40, 200, 80)
    crop = crop_of(label_map, rgb, fmt=fmt)
    height, width = crop.shape[:2]
    assert np.abs(crop[height // 2, width // 2] - (40, 200, 80)).max() < 25
    assert crop[5, 5].max() < 25


def test_a_region_of_the_whole_picture_and_one_of_a_pixel_are_fine() -> None:
    rgb = np.full((7, 9, 3), 128, np.uint8)
    assert crop_of(np.ones((7, 9), np.uint8), rgb).shape == (42, 54, 3)
    label_map = np.zeros((7, 9), np.uint8)
    label_map[3, 4] = 1
    assert crop_of(label_map, rgb).shape == (42, 54, 3)


def test_a_class_that_is_not_there_has_no_crop() -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    assert draw_crop(picture=picture_bytes(rgb), mask_png=encode_png(np.zeros((4, 4), np.uint8)), class_index=3) is None
