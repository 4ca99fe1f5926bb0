"""Large pictures: reduced by a whole factor for marks and masks, tiled for the eye, streamed where memory is short."""

from __future__ import annotations

import io
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from labeling.errors import Cancelled, Invalid
from labeling.transfer import streaming
from labeling.transfer.decoding import Picture, decode
from tests.factories import photo, picture_bytes
from tests.labeling.transfer import hostile


@pytest.fixture
def small_limits(settings: Any) -> None:
    """Pictures of test size are large, and above 100,000 pixels they are streamed."""
    settings.MASK_SIDE = 256
    settings.MAX_IMAGE_PIXELS = 100_000
    settings.MAX_STREAMED_PIXELS = 1_000_000


def decoded(folder: Path, data: bytes, **options: Any) -> Picture:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    path = folder / "incoming"
    path.write_bytes(data)
    return decode(path, scratch=scratch, **options)


def shown(picture: Picture) -> np.ndarray:
    return np.asarray(PILImage.open(io.BytesIO(picture.display.data)))


def files_of(picture: Picture) -> tuple[bytes, bytes, bytes]:
    assert picture.tiles is not None
    return picture.display.data, picture.thumb.data, picture.tiles.path.read_bytes()


def test_a_large_picture_is_reduced_by_a_whole_factor_and_tiled(tmp_path: Path, small_limits: None) -> None:
    rgb = photo(width=301, height=280, seed=1)
    picture = decoded(tmp_path, picture_bytes(rgb))
    assert (picture.width, picture.height, picture.mask_scale) == (151, 140, 2)
    assert picture.full_size == (301, 280)
    assert np.array_equal(shown(picture), np.asarray(PILImage.fromarray(rgb).reduce(2)))
    assert picture.tiles is not None and picture.tiles.suffix == "png.tiles"


def test_a_long_picture_is_tiled_even_where_masks_may_have_its_size(tmp_path: Path, settings: Any) -> None:
    settings.MASK_SIDE = 5000
    picture = decoded(tmp_path, picture_bytes(photo(width=4200, height=4, seed=1), "JPEG"))
    assert (picture.width, picture.height, picture.mask_scale) == (4200, 4, 1)
    assert picture.tiles is not None and picture.tiles.suffix == "jpg.tiles"
    assert decoded(tmp_path, picture_bytes(photo(width=4096, height=4, seed=1))).tiles is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["JPEG", "TIFF"])
def test_strip_by_strip_a_picture_becomes_what_it_becomes_in_memory(
    tmp_path: Path, small_limits: None, settings: Any, orientation: int, fmt: str
) -> None:
    pytest.importorskip("pyvips")
    exif = PILImage.Exif()
    exif[0x0112] = orientation
    data = hostile.saved(PILImage.fromarray(photo(width=500, height=310, seed=orientation)), fmt, exif=exif)
    streamed = decoded(tmp_path, data)
    files = files_of(streamed)
    settings.MAX_IMAGE_PIXELS = 200_000
    held = decoded(tmp_path, data)
    assert streamed.full_size == held.full_size
    # The two decoders may round a JPEG's colours differently.
    assert np.abs(shown(streamed).astype(int) - shown(held)).max() <= (0 if fmt == "TIFF" else 3)
    if fmt == "TIFF":
        assert files == files_of(held)


KINDS = {
    "grey": (PILImage.fromarray(photo(width=500, height=310, seed=1)).convert("L"), "PNG"),
    "palette": (PILImage.fromarray(photo(width=500, height=310, seed=1)).convert("P"), "PNG"),
    "bilevel": (PILImage.fromarray(photo(width=500, height=310, seed=1)).convert("1"), "PNG"),
    "transparent": (PILImage.fromarray(photo(width=500, height=310, seed=1)).convert("RGBA"), "PNG"),
    "deep": (PILImage.fromarray(np.arange(155_000, dtype=np.uint32).reshape(310, 500).astype(np.uint16)), "PNG"),
    "floats": (PILImage.fromarray(np.linspace(-3, 4, 155_000, dtype=np.float32).reshape(310, 500)), "TIFF"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_of_all_kinds_become_rgb_by_the_same_rules(
    tmp_path: Path, small_limits: None, settings: Any, kind: str
) -> None:
    pytest.importorskip("pyvips")
    data = hostile.saved(*KINDS[kind])
    streamed = files_of(decoded(tmp_path, data))
    settings.MAX_IMAGE_PIXELS = 200_000
    assert streamed == files_of(decoded(tmp_path, data))


def large_jpeg(**options: Any) -> bytes:
    return hostile.saved(PILImage.fromarray(photo(width=500, height=310, seed=7)), "JPEG", **options)


def damaged_in_the_middle(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes(400) + data[len(data) // 2 + 400 :]


def huge_tile_tiff() -> bytes:
    """A TIFF of 500 x 310 pixels in one tile of 20,000 x 20,000."""
    tags = {256: 500, 257: 310, 258: 8, 259: 1, 262: 1, 277: 1, 322: 20_000, 323: 20_000, 324: 8, 325: 4}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (large_jpeg()[:-3000], "bad_image", "cut short"),
        (damaged_in_the_middle(picture_bytes(photo(width=500, height=310))), "bad_image", "damaged"),
        (hostile.png_header(400, 400), "bad_image", "damaged"),
        (hostile.png_header(4000, 4000), "too_large", "1,000,000"),
        (hostile.bomb_png(), "too_large", "40000 x 40000"),
        (large_jpeg(progressive=True), "unsupported_image", "baseline"),
        (hostile.saved(PILImage.new("RGB", (500, 310)), "WEBP"), "unsupported_image", "TIFF or JPEG"),
        (hostile.saved(PILImage.new("RGB", (500, 310)), "BMP"), "unsupported_image", "TIFF or JPEG"),
        (hostile.saved(PILImage.new("CMYK", (500, 310)), "TIFF"), "unsupported_image", "save it as RGB"),
        (huge_tile_tiff(), "unsupported_image", "tiles of 20000 x 20000"),
        (hostile.png_header(200_000, 1), "too_large", "100,000"),
    ],
    ids=["cut", "damaged", "empty", "large", "bomb", "progressive", "webp", "bmp", "cmyk", "tile", "long"],
)
def test_what_cannot_be_streamed_is_refused_by_name(
    tmp_path: Path, small_limits: None, data: bytes, code: str, words: str
) -> None:
    pytest.importorskip("pyvips")
    with pytest.raises(Invalid, match=words) as refused:
        decoded(tmp_path, data)
    assert refused.value.code == code


def test_without_libvips_the_refusal_names_the_package(
    tmp_path: Path, small_limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "is_available", lambda: False)
    with pytest.raises(Invalid, match=r"100,000 pixels.*burnish\[large\]") as refused:
        decoded(tmp_path, large_jpeg())
    assert refused.value.code == "too_large"


def test_a_request_that_somebody_waits_for_never_streams(tmp_path: Path, small_limits: None) -> None:
    pytest.importorskip("pyvips")
    with pytest.raises(Invalid, match="import page") as refused:
        decoded(tmp_path, large_jpeg(), may_stream=False)
    assert refused.value.code == "too_large"


def test_streaming_stops_when_it_is_asked_to(tmp_path: Path, small_limits: None) -> None:
    pytest.importorskip("pyvips")

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        decoded(tmp_path, large_jpeg(), check=stop)


def test_a_full_disk_is_not_blamed_on_the_picture(
    tmp_path: Path, small_limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyvips")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 0}))
    exif = PILImage.Exif()
    exif[0x0112] = 6
    with pytest.raises(OSError, match="no room"):
        decoded(tmp_path, large_jpeg(exif=exif))
