"""Large images from before there were tiles get theirs; nothing else about them changes."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image as PILImage

from labeling import jobs, storage, tilefile
from labeling.models import Image
from labeling.selectors.images import images_without_tiles
from labeling.services import tiles
from labeling.tasks.tiling import make_missing, make_tiles
from labeling.tilefile import levels, read_tile
from tests.conftest import Cast
from tests.factories import make_image


def long_image(cast: Cast, name: str) -> Image:
    return make_image(cast.project, width=4100, height=6, name=f"{name}.png")


@pytest.fixture
def old(cast: Cast) -> Image:
    """As an import before there were tiles left it."""
    return long_image(cast, "old")


def picture_of(image: Image) -> np.ndarray:
    return np.asarray(PILImage.open(io.BytesIO(storage.read(image.file))))


def rows_from_tiles(image: Image) -> np.ndarray:
    level, read = levels(*image.full_size)[0], partial(storage.read_part, image.tiles)
    whole = np.zeros((level.height, level.width, 3), np.uint8)
    for column in range(level.columns):
        data = read_tile(read, size=image.full_size, level=level.number, column=column, row=0)
        assert data is not None
        left, top, right, bottom = level.box(column, 0)
        whole[top:bottom, left:right] = np.asarray(PILImage.open(io.BytesIO(data)))
    return whole


def test_an_image_gets_tiles_of_its_own_picture_and_keeps_its_size(old: Image) -> None:
    make_tiles(old.pk)
    after = Image.objects.get()
    assert np.array_equal(rows_from_tiles(after), picture_of(old))
    assert (after.width, after.height, after.mask_scale, after.file) == (4100, 6, 1, old.file)


def test_only_large_images_without_tiles_are_asked_for(
    cast: Cast, old: Image, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    make_image(cast.project)
    high = make_image(cast.project, width=6, height=4097)
    sent: list[Any] = []
    monkeypatch.setattr(jobs, "_send", lambda *message: sent.append(message))
    with django_capture_on_commit_callbacks(execute=True):
        make_missing()
    assert sent == [("tiling.make_tiles", (old.pk,)), ("tiling.make_tiles", (high.pk,))]
    make_tiles(old.pk)
    assert images_without_tiles() == [high.pk]


def test_a_second_run_does_no_work(old: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tiles(old.pk)
    before = Image.objects.get().tiles
    monkeypatch.setattr(tiles, "tile_display", lambda *_args, **_options: pytest.fail("tiled again"))
    make_tiles(old.pk)
    make_tiles(10**9)
    assert Image.objects.get().tiles == before


def test_a_run_that_was_stopped_leaves_nothing_and_the_next_one_succeeds(
    old: Image, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(tilefile.TileWriter, "finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make_tiles(old.pk)
    assert Image.objects.get().tiles == ""
    assert not list(Path(settings.SCRATCH_DIR).iterdir())
    make_tiles(old.pk)
    assert Image.objects.get().tiles


def test_who_comes_second_changes_nothing(old: Image) -> None:
    Image.objects.update(tiles="tiles/somebody.else")
    assert not tiles.add_tiles(image=old)
    assert Image.objects.get().tiles == "tiles/somebody.else"


def test_the_command_makes_all_it_can_and_names_the_rest(
    cast: Cast, old: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, damaged = (long_image(cast, name) for name in ("gone", "damaged"))
    storage.delete(gone.file)
    Image.objects.filter(pk=damaged.pk).update(file=storage.put("images", b"no picture", suffix="png").name)
    with pytest.raises(CommandError, match=r"gone\.png is gone(.|\n)*damaged\.png is damaged"):
        call_command("make_tiles")
    assert "got their tiles: 1." in capsys.readouterr().out
    assert images_without_tiles() == [gone.pk, damaged.pk]
    make_tiles(gone.pk)  # the task only logs it
