"""The one decode: what comes in as a picture leaves as upright 8-bit RGB, or is refused with a reason."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from labeling.errors import Invalid
from labeling.transfer.decoding import Picture, decode
from tests.factories import photo, picture_bytes
from tests.labeling.transfer import hostile


def decoded(tmp_path: Path, data: bytes) -> Picture:
    path = tmp_path / "incoming"
    path.write_bytes(data)
    return decode(path, scratch=tmp_path)


def pixels(picture: Picture) -> np.ndarray:
    shown = PILImage.open(io.BytesIO(picture.display.data))
    assert shown.mode == "RGB"
    assert shown.size == (picture.width, picture.height)
    return np.asarray(shown)


@pytest.mark.parametrize("fmt", ["PNG", "BMP", "TIFF"])
def test_lossless_sources_stay_bit_exact(tmp_path: Path, fmt: str) -> None:
    rgb = photo()
    picture = decoded(tmp_path, picture_bytes(rgb, fmt))
    assert picture.format == fmt
    assert picture.display.suffix == "png"
    assert np.array_equal(pixels(picture), rgb)


def test_a_lossless_webp_stays_bit_exact(tmp_path: Path) -> None:
    rgb = photo()
    picture = decoded(tmp_path, hostile.saved(PILImage.fromarray(rgb), "WEBP", lossless=True))
    assert np.array_equal(pixels(picture), rgb)


def test_jpeg_is_written_anew_close_to_what_it_was(tmp_path: Path) -> None:
    data = hostile.saved(PILImage.fromarray(photo()), "JPEG", comment=b"<script>", quality=95)
    picture = decoded(tmp_path, data)
    assert picture.display.suffix == "jpg"
    assert b"<script>" not in picture.display.data
    before = np.asarray(PILImage.open(io.BytesIO(data)), np.int16)
    assert np.abs(pixels(picture) - before).mean() < 2


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    picture = decoded(tmp_path, hostile.exif_rotated())
    assert (picture.width, picture.height) == (40, 60)
    shown = pixels(picture)
    assert shown[:25, :, 0].min() > 200 and shown[35:, :, 0].max() < 60


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_turned_tiff_is_turned_once(tmp_path: Path, compression: str | None) -> None:
    exif = PILImage.Exif()
    exif[0x0112] = 6
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[:, :30, 0] = 255
    options = {} if compression is None else {"compression": compression}
    picture = decoded(tmp_path, hostile.saved(PILImage.fromarray(rgb), "TIFF", exif=exif, **options))
    assert (picture.width, picture.height) == (40, 60)
    assert pixels(picture)[:30, :, 0].min() == 255


def test_deep_grey_is_stretched_from_its_smallest_to_its_largest_value(tmp_path: Path) -> None:
    shown = pixels(decoded(tmp_path, hostile.deep_tiff()))
    assert shown.min() == 0 and shown.max() == 255
    expected = np.rint((np.linspace(1000, 5000, 2000).astype(np.uint16).astype(float) - 1000) * 255 / 4000)
    assert np.array_equal(shown[..., 0].ravel(), expected.astype(np.uint8))
    assert np.array_equal(shown[..., 0], shown[..., 2])


def test_deep_grey_that_fits_into_eight_bits_is_kept(tmp_path: Path) -> None:
    values = np.arange(200, dtype=np.uint16).reshape(10, 20)
    shown = pixels(decoded(tmp_path, hostile.saved(PILImage.fromarray(values), "PNG")))
    assert np.array_equal(shown[..., 1], values)


def test_floating_point_with_gaps_is_shown(tmp_path: Path) -> None:
    values = np.array([[0.0, 0.5], [1.0, np.nan]], np.float32)
    shown = pixels(decoded(tmp_path, hostile.saved(PILImage.fromarray(values), "TIFF")))
    assert shown[..., 0].tolist() == [[0, 128], [255, 0]]


def test_transparent_pictures_are_laid_on_white(tmp_path: Path) -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[:2] = (10, 20, 30, 255)
    shown = pixels(decoded(tmp_path, hostile.saved(PILImage.fromarray(rgba), "PNG")))
    assert shown[0, 0].tolist() == [10, 20, 30] and shown[3, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK"])
def test_other_kinds_of_pixels_become_rgb(tmp_path: Path, mode: str) -> None:
    source = PILImage.fromarray(photo()).convert("L" if mode == "LA" else "RGB").convert(mode)
    picture = decoded(tmp_path, hostile.saved(source, "TIFF" if mode == "CMYK" else "PNG"))
    assert pixels(picture).shape == (40, 48, 3)


def test_cmyk_jpeg_shows_its_colours(tmp_path: Path) -> None:
    assert pixels(decoded(tmp_path, hostile.cmyk_jpeg())).std() > 10


def test_of_an_animation_the_first_picture_is_taken_and_said_so(tmp_path: Path) -> None:
    picture = decoded(tmp_path, hostile.animated_webp())
    assert "first" in picture.note
    assert np.array_equal(pixels(picture)[20:], photo(seed=1)[20:]) or pixels(picture).shape == (40, 48, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (900, 1)])
def test_slivers_are_pictures_too(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = decoded(tmp_path, hostile.saved(PILImage.new("RGB", size, (9, 9, 9)), "PNG"))
    assert (picture.width, picture.height) == size
    assert max(PILImage.open(io.BytesIO(picture.thumb.data)).size) <= 256


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (hostile.truncated_jpeg(), "bad_image"),
        (b"this is no picture", "unsupported_image"),
        (b"", "unsupported_image"),
        (hostile.svg(), "unsupported_image"),
        (b"GIF89a" + bytes(40), "unsupported_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "unsupported_image"),
        (hostile.bomb_png(), "too_large"),
        (hostile.png_header(2**31 - 1, 2**31 - 1), "too_large"),
        (hostile.png_header(300_000, 300), "bad_image"),
        (hostile.png_header(0, 5), "unsupported_image"),
    ],
    ids=["truncated", "text", "empty", "svg", "gif", "postscript", "bomb", "huge header", "no pixels", "zero"],
)
def test_what_is_no_decent_picture_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        decoded(tmp_path, data)
    assert refused.value.code == code


def test_an_svg_is_called_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="SVG"):
        decoded(tmp_path, hostile.svg())


def test_size_limits_are_the_settings(tmp_path: Path, settings: object) -> None:
    settings.MAX_IMAGE_PIXELS = settings.MAX_STREAMED_PIXELS = 100  # type: ignore[attr-defined]
    with pytest.raises(Invalid) as refused:
        decoded(tmp_path, picture_bytes(photo()))
    assert refused.value.code == "too_large"
    settings.MAX_IMAGE_BYTES = 10  # type: ignore[attr-defined]
    with pytest.raises(Invalid, match="10 are read"):
        decoded(tmp_path, picture_bytes(photo()))


def test_random_damage_never_gets_past_the_refusal(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for fmt in ("JPEG", "PNG", "WEBP", "TIFF", "BMP"):
        good = bytearray(picture_bytes(photo(seed=4), fmt))
        for _ in range(30):
            bad = good.copy()
            for position in rng.integers(0, len(bad), 12):
                bad[position] = rng.integers(0, 256)
            try:
                decoded(tmp_path, bytes(bad))
            except Invalid:
                continue
