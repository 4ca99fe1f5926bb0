"""Masks a person sends: hostile bytes are refused, edits keep the source of every pixel."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from labeling import provenance, storage
from labeling.errors import Invalid
from labeling.models import Image, Mask
from labeling.services.masks import store_mask
from labeling.services.provenance import read_label_map, read_provenance
from models_zoo import IGNORE, encode_png
from tests.conftest import Cast
from tests.factories import make_class, make_image, make_mask, picture_bytes


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project, width=30, height=20)


def label_map(value: int = 1) -> Any:
    values = np.zeros((20, 30), np.uint8)
    values[5:10, 5:10] = value
    return values


def send(image: Image, cast: Cast, data: bytes, origin: str = "painted", parent: Mask | None = None) -> Mask:
    return store_mask(image=image, data=data, origin=origin, by=cast.ben, parent=parent)


def bomb() -> bytes:
    """A PNG header that claims 100,000 x 100,000 pixels."""
    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0" * 64


def test_a_mask_is_kept_as_bytes_made_here(cast: Cast, image: Image) -> None:
    painted = label_map()
    grey = io.BytesIO()
    PILImage.fromarray(painted, "L").save(grey, "PNG")
    mask = send(image, cast, grey.getvalue())
    assert (read_label_map(mask) == painted).all()
    assert storage.read(mask.blob) == encode_png(painted)
    assert mask.pixel_counts == {"0": 575, "1": 25} and mask.created_by == cast.ben


def test_a_mask_of_the_live_solver_names_its_method_and_the_marks_it_came_from(cast: Cast, image: Image) -> None:
    how: dict[str, Any] = {"origin": "interactive", "method": "live_head", "revision": 7}
    first = store_mask(image=image, data=encode_png(label_map()), by=cast.ben, **how)
    assert (first.method, first.marks_revision) == ("live_head", 7)
    assert store_mask(image=image, data=encode_png(label_map()), by=cast.ben, **how) == first
    later = store_mask(image=image, data=encode_png(label_map()), by=cast.ben, **how | {"revision": 8})
    assert later != first and later.sha256 == first.sha256


@pytest.mark.parametrize("how", [{"origin": "painted", "method": "live_head"}, {"origin": "painted", "revision": 1},
                                 {"origin": "interactive", "method": "crystal_ball"}])  # fmt: skip
def test_a_method_that_does_not_fit_is_refused(cast: Cast, image: Image, how: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        store_mask(image=image, data=encode_png(label_map()), by=cast.ben, **how)
    assert not Mask.objects.exists()


def test_sending_the_same_again_is_the_same_mask(cast: Cast, image: Image) -> None:
    data = encode_png(label_map())
    assert send(image, cast, data) == send(image, cast, data)
    assert Mask.objects.count() == 1


BAD: dict[str, Any] = {
    "empty": b"",
    "text": b"hello",
    "a photograph": picture_bytes(np.zeros((20, 30, 3), np.uint8)),
    "a JPEG": picture_bytes(np.zeros((20, 30, 3), np.uint8), "JPEG"),
    "cut short": encode_png(np.zeros((20, 30), np.uint8))[:-30],
    "a bomb": bomb(),
    "another size": encode_png(np.zeros((30, 20), np.uint8)),
    "smaller": encode_png(np.zeros((2, 3), np.uint8)),
    "an unknown class": encode_png(label_map(7)),
    "254, which is never stored": encode_png(label_map(254)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_label_map_of_the_image_is_refused(cast: Cast, image: Image, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        send(image, cast, BAD[name])
    assert caught.value.code == "bad_mask" and not Mask.objects.exists()


def test_a_mask_above_the_limit_is_refused(cast: Cast, image: Image, settings: Any) -> None:
    settings.MAX_MASK_BYTES = 50
    with pytest.raises(Invalid, match="larger than 50 bytes"):
        send(image, cast, encode_png(label_map()))


def test_ignored_pixels_and_retired_classes_are_allowed(cast: Cast, image: Image) -> None:
    make_class(cast.project, index=4, is_retired=True)
    mask = send(image, cast, encode_png(np.where(label_map() == 1, 4, IGNORE).astype(np.uint8)))
    assert mask.pixel_counts == {"4": 25, "255": 575}


def test_origins_that_people_do_not_send_are_refused(cast: Cast, image: Image) -> None:
    for origin in ("model", "polished", "imported", "nonsense"):
        with pytest.raises(Invalid):
            send(image, cast, encode_png(label_map()), origin)
    with pytest.raises(Invalid, match="parent"):
        send(image, cast, encode_png(label_map()), "edited")
    elsewhere = make_mask(make_image(cast.project))
    with pytest.raises(Invalid, match="another image"):
        send(image, cast, encode_png(label_map()), "edited", elsewhere)
    assert Mask.objects.count() == 1


def test_an_edit_is_the_persons_where_it_differs_and_the_parents_elsewhere(cast: Cast, image: Image) -> None:
    proposed = send(image, cast, encode_png(label_map()), "interactive")
    changed = label_map()
    changed[0, :3] = 1
    first = send(image, cast, encode_png(changed), "edited", proposed)
    source = read_provenance(first)
    assert (source[0, :3] == provenance.PERSON).all()
    assert np.count_nonzero(source == provenance.INTERACTIVE) == 597

    changed[1, :2] = 1
    second = send(image, cast, encode_png(changed), "edited", first)
    assert np.count_nonzero(read_provenance(second) == provenance.PERSON) == 5


def test_a_mask_of_one_source_needs_no_blob_and_ignored_pixels_come_from_nobody(cast: Cast, image: Image) -> None:
    values = label_map()
    values[0, 0] = IGNORE
    mask = send(image, cast, encode_png(values))
    source = read_provenance(mask)
    assert mask.provenance == "" and source[0, 0] == provenance.UNKNOWN
    assert np.count_nonzero(source == provenance.PERSON) == 599
