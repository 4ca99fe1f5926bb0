"""A large picture's way through the project: in by an import, marked small, out at its full size."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage
from pycocotools import mask as coco_mask

from labeling import storage
from labeling.errors import Invalid
from labeling.exporters.enlarging import enlarged_counts, enlarged_png, enlarged_rle, tile_rows
from labeling.models import Image, JobStatus, Mask
from labeling.services import decisions
from labeling.services.garbage import collect_garbage
from labeling.services.images import delete_image
from labeling.services.masks import store_mask
from models_zoo import coco_rle, decode_png, encode_png, pixel_counts, voc_palette
from tests.conftest import Cast
from tests.factories import make_project, photo, picture_bytes
from tests.labeling.services.test_garbage import DAY, age, exists
from tests.labeling.transfer import hostile
from tests.labeling.transfer.test_exports import archive, exported
from tests.labeling.transfer.test_imports import imported, report

FULL = (601, 333)  # width, height: neither is a multiple of the factor


@pytest.fixture
def large(cast: Cast, settings: Any) -> Image:
    """601 x 333 pixels, marked at 201 x 111."""
    settings.MASK_SIDE = 256
    rgb = photo(width=FULL[0], height=FULL[1], seed=1)
    job = imported(cast.project, cast.ada, {"images/large.png": picture_bytes(rgb)})
    assert report(job) == {"images/large.png": ("imported", "")}
    return Image.objects.get(name="large.png")


def enlarged(label_map: np.ndarray, factor: int, size: tuple[int, int]) -> np.ndarray:
    return label_map.repeat(factor, 0).repeat(factor, 1)[: size[1], : size[0]]


def drawn(image: Image, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    label_map = rng.choice(np.array([0, 1, 255], np.uint8), (image.height, image.width), p=[0.5, 0.4, 0.1])
    label_map[20:60, 30:120] = 1
    label_map[-30:, -40:] = 0
    return label_map


def accept(image: Image, label_map: np.ndarray, by: Any) -> Mask:
    mask = store_mask(image=image, data=encode_png(label_map), origin="painted", by=by)
    decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=by)
    return mask


def test_an_import_tiles_a_large_picture_and_keeps_it_whole(large: Image) -> None:
    assert (large.width, large.height, large.mask_scale, large.full_size) == (201, 111, 3, FULL)
    rows = np.concatenate(list(tile_rows(lambda a, n: storage.read_part(large.tiles, a, n), FULL)))
    assert np.array_equal(rows, photo(width=FULL[0], height=FULL[1], seed=1))
    assert PILImage.open(io.BytesIO(storage.read(large.file))).size == (201, 111)
    assert storage.read(large.original)


def test_a_second_import_of_it_writes_nothing_new(cast: Cast, large: Image) -> None:
    other = make_project(owner=cast.ada)
    imported(other, cast.ada, {"again.png": storage.read(large.original)})
    assert other.images.get().tiles == large.tiles
    before = storage.modified_at(large.tiles)
    assert report(imported(cast.project, cast.ada, {"x.png": storage.read(large.original)}))["x.png"][0] == "duplicate"
    assert storage.modified_at(large.tiles) == before


def test_a_streamed_picture_comes_in_and_a_damaged_one_leaves_nothing(cast: Cast, settings: Any) -> None:
    pytest.importorskip("pyvips")
    settings.MASK_SIDE = 256
    settings.MAX_IMAGE_PIXELS = 100_000
    good = hostile.saved(PILImage.fromarray(photo(width=FULL[0], height=FULL[1], seed=2)), "JPEG")
    before = {name for names in storage.shelves() for name in names}
    job = imported(cast.project, cast.ada, {"cut.jpg": good[:-2000]})
    assert job.status == JobStatus.SUCCEEDED and report(job) == {"cut.jpg": ("rejected", "bad_image")}
    assert {name for names in storage.shelves() for name in names} == before
    assert not list(Path(settings.SCRATCH_DIR).iterdir())
    assert report(imported(cast.project, cast.ada, {"whole.jpg": good})) == {"whole.jpg": ("imported", "")}
    assert Image.objects.get().full_size == FULL


def test_masks_leave_at_full_size_and_come_back_bit_for_bit(cast: Cast, large: Image) -> None:
    label_map = drawn(large)
    accept(large, label_map, cast.ada)
    job = exported(cast.project, cast.ada, "masks", images=True)
    with archive(job) as found:
        assert np.array_equal(decode_png(found.read("masks/large.png")), enlarged(label_map, 3, FULL))
        picture = np.asarray(PILImage.open(io.BytesIO(found.read("images/large.png"))))
        assert np.array_equal(picture, photo(width=FULL[0], height=FULL[1], seed=1))
        (entry,) = json.loads(found.read("MANIFEST.json"))["images"]
    assert (entry["width"], entry["height"], entry["mask"]["scale"]) == (*FULL, 3)
    wanted = {str(value): pixels for value, pixels in pixel_counts(enlarged(label_map, 3, FULL)).items()}
    assert entry["mask"]["pixels"] == wanted
    assert sum(entry["provenance"].values()) == FULL[0] * FULL[1]
    assert exported(cast.project, cast.ada, "masks", images=True).file_sha256 == job.file_sha256
    other = make_project(owner=cast.ada, num_classes=0)
    imported(other, cast.ada, {"back.zip": storage.read(job.file)})
    back = other.images.get().accepted_mask
    assert back is not None and np.array_equal(decode_png(storage.read(back.blob)), label_map)


def test_run_lengths_leave_at_full_size(cast: Cast, large: Image) -> None:
    label_map = drawn(large)
    accept(large, label_map, cast.ada)
    with archive(exported(cast.project, cast.ada)) as found:
        coco = json.loads(found.read("annotations.json"))
    assert (coco["images"][0]["width"], coco["images"][0]["height"]) == FULL
    full = enlarged(label_map, 3, FULL)
    for annotation in coco["annotations"]:
        inside = coco_mask.decode(annotation["segmentation"]).astype(bool)
        assert np.array_equal(inside, full == annotation["category_id"])
        assert annotation["area"] == inside.sum()


@pytest.mark.parametrize("factor", [2, 3, 5])
@pytest.mark.parametrize("size", [(1, 1), (7, 1), (1, 9), (30, 20), (31, 19)])
def test_enlarging_agrees_with_repeating_every_pixel(factor: int, size: tuple[int, int]) -> None:
    cells = -(-size[1] // factor), -(-size[0] // factor)
    label_map = np.random.default_rng(factor).choice(np.array([0, 1, 255], np.uint8), cells)
    full = enlarged(label_map, factor, size)
    assert enlarged_counts(label_map, factor, size) == pixel_counts(full)
    assert np.array_equal(decode_png(b"".join(enlarged_png(label_map, factor, size, voc_palette()))), full)
    for value in (0, 1, 255):
        assert enlarged_rle(label_map == value, factor, size) == coco_rle(full == value)


def test_a_mask_of_another_size_is_refused(cast: Cast, large: Image, settings: Any) -> None:
    with pytest.raises(Invalid, match="201 x 111"):
        store_mask(image=large, data=encode_png(np.zeros((112, 201), np.uint8)), origin="painted", by=cast.ada)
    settings.MAX_IMAGE_PIXELS = 100_000
    with pytest.raises(Invalid, match="reduced to 201 x 111") as refused:
        store_mask(image=large, data=encode_png(np.zeros(FULL[::-1], np.uint8)), origin="painted", by=cast.ada)
    assert refused.value.code == "bad_mask"
    assert not Mask.objects.exists()


def test_the_tiles_go_with_the_image(cast: Cast, large: Image) -> None:
    age(large.tiles)
    collect_garbage(grace=DAY)
    assert exists(large.tiles)
    delete_image(image=large, by=cast.ada)
    collect_garbage(grace=DAY)
    assert not exists(large.tiles)
