"""The tiles of a large picture: cut from rows that are seen once, and read back one by one."""

from __future__ import annotations

import io
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as PILImage

from labeling import storage
from labeling.errors import Cancelled
from labeling.tilefile import OVERLAP, TILE, Level, TileWriter, levels, read_tile
from labeling.transfer import pyramid
from labeling.transfer.pyramid import build, strips_of
from tests.factories import make_tiles, photo


def built(rgb: np.ndarray, *, factor: int = 1, suffix: str = "png") -> tuple[bytes, PILImage.Image]:
    out = io.BytesIO()
    picture = PILImage.fromarray(rgb)
    reduced = build(strips_of(picture), size=picture.size, factor=factor, suffix=suffix, out=out, check=lambda: None)
    return out.getvalue(), reduced


def shown(data: bytes, size: tuple[int, int], level: Level) -> np.ndarray:
    """A level put together from its tiles, (H, W, 3)."""
    whole = np.zeros((level.height, level.width, 3), np.uint8)
    for row in range(level.rows):
        for column in range(level.columns):
            tile = read_tile(
                lambda start, length: data[start : start + length],
                size=size, level=level.number, column=column, row=row,
            )  # fmt: skip
            assert tile is not None
            left, top, right, bottom = level.box(column, row)
            whole[top:bottom, left:right] = np.asarray(PILImage.open(io.BytesIO(tile)))
    return whole


def test_levels_halve_down_to_one_tile() -> None:
    found = levels(6000, 5000)
    assert [(level.width, level.height) for level in found] == [
        (6000, 5000), (3000, 2500), (1500, 1250), (750, 625), (375, 313), (188, 157),
    ]  # fmt: skip
    assert [level.number for level in found] == [5, 4, 3, 2, 1, 0]
    assert (found[-1].columns, found[-1].rows) == (1, 1)
    assert found[1].first == found[0].columns * found[0].rows == 24 * 20


@pytest.mark.parametrize("size", [(1, 1), (256, 256), (257, 513), (700, 1), (3, 900), (1023, 770), (512, 1025)])
@pytest.mark.parametrize("rows", [7, 256])
def test_every_level_comes_back_from_its_tiles(
    size: tuple[int, int], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the strips' height, and the means of 2 x 2 pixels are what a picture in memory gives."""
    monkeypatch.setattr(pyramid, "STRIP", rows)
    rgb = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    data, _ = built(rgb)
    expected = PILImage.fromarray(rgb)
    for level in levels(*size):
        assert np.array_equal(shown(data, size, level), np.asarray(expected))
        expected = expected.reduce(2)


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_the_reduced_picture_is_the_mean_of_whole_cells(factor: int) -> None:
    rgb = photo(width=601, height=515, seed=2)
    _, reduced = built(rgb, factor=factor)
    assert reduced.size == (-(-601 // factor), -(-515 // factor))
    assert np.array_equal(np.asarray(reduced), np.asarray(PILImage.fromarray(rgb).reduce(factor)))


def test_tiles_overlap_their_neighbours_and_stay_inside() -> None:
    level = levels(600, 300)[0]
    assert level.box(0, 0) == (0, 0, TILE + OVERLAP, TILE + OVERLAP)
    assert level.box(1, 0) == (TILE - OVERLAP, 0, 2 * TILE + OVERLAP, TILE + OVERLAP)
    assert level.box(2, 1) == (2 * TILE - OVERLAP, TILE - OVERLAP, 600, 300)


def test_the_same_picture_gives_the_same_bytes() -> None:
    rgb = photo(width=600, height=300, seed=3)
    assert built(rgb, suffix="jpg")[0] == built(rgb, suffix="jpg")[0]


def test_what_is_asked_for_and_is_not_there_is_no_tile() -> None:
    rgb = photo(width=600, height=300, seed=3)
    data, _ = built(rgb)
    read = lambda start, length: data[start : start + length]  # noqa: E731
    for level, column, row in [(3, 0, 0), (2, 3, 0), (2, 0, 2), (0, 1, 0)]:
        assert read_tile(read, size=(600, 300), level=level, column=column, row=row) is None


@pytest.mark.parametrize("cut", [0, 5, 30, 4000])
def test_a_pyramid_that_is_cut_short_is_an_error_not_a_picture(cut: int) -> None:
    data, _ = built(photo(width=600, height=300, seed=3))
    with pytest.raises(ValueError, match="pyramid"):
        read_tile(lambda start, length: data[:cut][start : start + length], size=(600, 300), level=0, column=0, row=0)


def test_a_missing_tile_is_found_before_the_file_is_used() -> None:
    writer = TileWriter(io.BytesIO(), width=300, height=100)
    writer.add(0, b"a")
    with pytest.raises(ValueError, match="never written"):
        writer.finish()


def test_a_stop_in_the_middle_is_passed_on() -> None:
    def stop() -> None:
        raise Cancelled

    picture = PILImage.fromarray(photo(width=300, height=300))
    with pytest.raises(Cancelled):
        build(strips_of(picture), size=picture.size, factor=1, suffix="png", out=io.BytesIO(), check=stop)


def test_a_tile_is_read_out_of_the_store() -> None:
    rgb = photo(width=300, height=200, seed=5)
    name = make_tiles(rgb)
    data = read_tile(partial(storage.read_part, name), size=(300, 200), level=1, column=1, row=0)
    assert data is not None
    assert np.array_equal(np.asarray(PILImage.open(io.BytesIO(data))), rgb[:, TILE - OVERLAP :])
    with pytest.raises(FileNotFoundError):
        storage.read_part("tiles/00/" + "0" * 64 + ".png.tiles", 0, 4)


def test_an_object_store_sends_only_the_part_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Exception):
        pass

    class Bucket:
        class meta:
            class client:
                class exceptions:
                    NoSuchKey = Gone

        asked: list[tuple[str, str]] = []

        def Object(self, name: str) -> Bucket:
            self.name = name
            return self

        def get(self, Range: str) -> dict[str, io.BytesIO]:
            self.asked.append((self.name, Range))
            if self.name != "a":
                raise Gone
            return {"Body": io.BytesIO(b"part")}

    bucket = Bucket()
    monkeypatch.setattr(storage, "default_storage", SimpleNamespace(bucket=bucket))
    assert storage.read_part("a", 10, 4) == b"part"
    assert bucket.asked == [("a", "bytes=10-13")]
    with pytest.raises(FileNotFoundError):
        storage.read_part("b", 0, 1)
