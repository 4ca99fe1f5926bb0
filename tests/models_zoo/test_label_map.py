"""Label maps: the index-PNG codec and COCO run lengths."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PILImage

from models_zoo.label_map import (
    LabelMap,
    LabelMapError,
    coco_rle,
    decode_png,
    encode_png,
    pixel_counts,
    rle_area,
    rle_bbox,
    rle_decode,
    unknown_values,
    voc_palette,
)


def random_map(height: int = 37, width: int = 53, high: int = 256) -> LabelMap:
    return np.random.default_rng(0).integers(0, high, (height, width)).astype(np.uint8)


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(*, width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG by hand: what Pillow would not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    palette = png_chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    body = png_chunk(b"IHDR", header) + palette + png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (37, 53)])
def test_every_value_survives(shape: tuple[int, int]) -> None:
    label_map = random_map(*shape)
    assert np.array_equal(decode_png(encode_png(label_map)), label_map)


def test_the_bytes_are_the_same_each_time_and_other_tools_read_them() -> None:
    label_map = random_map()
    data = encode_png(label_map)
    assert data == encode_png(label_map.copy())
    with PILImage.open(io.BytesIO(data)) as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture), label_map)


def test_a_short_palette_does_not_cut_values_off() -> None:
    label_map = random_map()
    data = encode_png(label_map, palette=[(1, 2, 3), (4, 5, 6)])
    assert np.array_equal(decode_png(data), label_map)
    with PILImage.open(io.BytesIO(data)) as picture:
        palette = picture.getpalette()
    assert palette is not None and palette[:9] == [1, 2, 3, 4, 5, 6, *voc_palette()[2]]


def test_a_non_contiguous_map_is_written() -> None:
    label_map = random_map()[::2, ::3]
    assert np.array_equal(decode_png(encode_png(label_map)), label_map)


@pytest.mark.parametrize("bad", [np.zeros((0, 4), np.uint8), np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2))])
def test_an_array_that_is_no_label_map_is_refused(bad: LabelMap) -> None:
    with pytest.raises(LabelMapError):
        encode_png(bad)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("colour", [0, 3])
def test_shallow_png_holds_indices_not_brightness(depth: int, colour: int) -> None:
    values = [((1 << depth) - 1 - step) % (1 << depth) for step in range(8 // depth)]
    packed = 0
    for value in values:
        packed = packed << depth | value
    data = png(width=len(values), height=1, depth=depth, colour=colour, rows=bytes([0, packed]))
    assert decode_png(data).tolist() == [values]


def saved(mode: str, picture_format: str = "PNG") -> bytes:
    out = io.BytesIO()
    PILImage.new(mode, (8, 8)).save(out, picture_format)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "I;16"])
def test_colour_alpha_and_16_bits_are_refused(mode: str) -> None:
    with pytest.raises(LabelMapError) as caught:
        decode_png(saved(mode))
    assert caught.value.code == "mode" and "index PNG" in caught.value.message


@pytest.mark.parametrize("data", [b"", b"hello", saved("RGB", "JPEG"), saved("L", "GIF"), b"\x89PNG\r\n\x1a\n"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(LabelMapError):
        decode_png(data)


@pytest.mark.parametrize("kept", [9, 20, 33, 40, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(kept: float) -> None:
    data = encode_png(random_map(200, 200))
    length = kept if isinstance(kept, int) else round(len(data) * kept)
    with pytest.raises(LabelMapError) as caught:
        decode_png(data[:length])
    assert caught.value.code == "damaged"


def test_any_flipped_byte_gives_a_map_or_a_clear_error() -> None:
    data = encode_png(random_map(20, 20))
    for position in range(8, len(data)):
        hurt = bytearray(data)
        hurt[position] ^= 0x5A
        try:
            decode_png(bytes(hurt))
        except LabelMapError:
            continue


def test_a_huge_claim_is_refused_before_decoding() -> None:
    data = png(width=2**31 - 1, height=2**31 - 1, depth=8, colour=3, rows=b"\x00")
    with pytest.raises(LabelMapError) as caught:
        decode_png(data)
    assert caught.value.code == "too_large"


def test_the_pixel_limit_is_the_callers() -> None:
    data = encode_png(random_map(10, 10))
    assert decode_png(data, max_pixels=100).shape == (10, 10)
    with pytest.raises(LabelMapError):
        decode_png(data, max_pixels=99)


def test_no_pixels_is_refused() -> None:
    with pytest.raises(LabelMapError):
        decode_png(png(width=0, height=5, depth=8, colour=3, rows=b""))


def test_counts_and_unknown_values() -> None:
    label_map = np.array([[0, 0, 3], [255, 3, 9]], np.uint8)
    assert pixel_counts(label_map) == {0: 2, 3: 2, 9: 1, 255: 1}
    assert unknown_values(label_map, {0, 3}) == [9]


def test_the_palette_is_vocs() -> None:
    palette = voc_palette()
    assert len(palette) == 256
    assert palette[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette[15] == (192, 128, 128) and palette[255] == (224, 224, 192)


def test_run_lengths_hold_the_mask() -> None:
    pytest.importorskip("pycocotools")
    binary = np.zeros((7, 5), np.bool_)
    binary[2:4, 1:4] = True
    rle = coco_rle(binary)
    assert rle["size"] == [7, 5] and isinstance(rle["counts"], str)
    assert np.array_equal(rle_decode(rle), binary)
    assert rle_area(rle) == 6 and rle_bbox(rle) == [1, 2, 3, 2]
    assert rle_area(coco_rle(np.zeros((3, 3), np.uint8))) == 0
