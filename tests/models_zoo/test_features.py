"""Image features: what is computed, and a codec that trusts nothing."""

import json
import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models_zoo.features import (
    FEATURES_VERSION,
    DenseFeatures,
    FeatureError,
    ImageFeatures,
    compute_features,
    decode_features,
    encode_features,
    grid_size,
    resize_rgb,
)

torch = pytest.importorskip("torch")


def some_features(channels: int = 6, height: int = 5, width: int = 7) -> ImageFeatures:
    rng = np.random.default_rng(0)
    values = rng.integers(-128, 128, (channels, height, width)).astype(np.int8)
    scale = rng.random(channels).astype(np.float32) + 0.1
    dense = DenseFeatures(values, scale, FEATURES_VERSION, (28, 20))
    return ImageFeatures(rng.normal(size=9).astype(np.float32), dense, "efficientnet_lite0")


def picture(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 3, columns * 2, rows + columns], axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def encoder() -> Any:
    from models_zoo.networks.encoders import build_encoder

    torch.manual_seed(0)
    return build_encoder("efficientnet_lite0").eval()


def test_what_was_written_is_read_back_exactly() -> None:
    features = some_features()
    again = decode_features(encode_features(features))
    assert np.array_equal(again.dense.values, features.dense.values)
    assert again.dense.values.dtype == np.int8
    assert np.array_equal(again.dense.scale, features.dense.scale)
    assert np.array_equal(again.embedding, features.embedding)
    assert again.dense.image_size == (28, 20) and again.encoder == "efficientnet_lite0"
    assert encode_features(again) == encode_features(features)


def test_rows_that_jump_over_the_whole_range_survive() -> None:
    values = np.array([[[127, -128, 127, 0, -128]]], np.int8)
    features = some_features()
    dense = DenseFeatures(values, np.ones(1, np.float32), FEATURES_VERSION, (5, 1))
    assert np.array_equal(decode_features(encode_features(replace(features, dense=dense))).dense.values, values)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(share: float) -> None:
    data = encode_features(some_features())
    with pytest.raises(FeatureError):
        decode_features(data[: int(len(data) * share)])


def test_any_flipped_byte_gives_features_or_a_clear_error() -> None:
    data = encode_features(some_features(2, 3, 4))
    for position in range(len(data)):
        hurt = bytearray(data)
        hurt[position] ^= 0xFF
        try:
            decode_features(bytes(hurt))
        except FeatureError:
            continue


def forged(changes: dict[str, object], body: bytes | None = None) -> bytes:
    """A file whose header was tampered with."""
    data = encode_features(some_features())
    (length,) = struct.unpack("<I", data[4:8])
    header = json.loads(data[8 : 8 + length]) | changes
    text = json.dumps(header).encode()
    payload = data[8 + length :] if body is None else body
    return b"BFM1" + struct.pack("<I", len(text)) + text + payload


@pytest.mark.parametrize(
    "changes",
    [
        {"channels": 0},
        {"channels": -1},
        {"channels": "6"},
        {"channels": True},
        {"channels": 6.0},
        {"height": 10**9},
        {"width": None},
        {"channels": 1024, "height": 4096, "width": 4096},
        {"version": 99},
        {"bytes": 1},
        {"bytes": 10**18},
        {"encoder": 3},
        {"embedding": 10**6},
    ],
)
def test_a_forged_header_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(FeatureError):
        decode_features(forged(changes))


def test_a_bomb_is_not_inflated() -> None:
    with pytest.raises(FeatureError):
        decode_features(forged({}, zlib.compress(bytes(50_000_000))))


def test_scales_that_are_no_numbers_are_refused() -> None:
    features = some_features()
    dense = replace(features.dense, scale=np.full(6, np.nan, np.float32))
    with pytest.raises(FeatureError):
        decode_features(encode_features(replace(features, dense=dense)))


@pytest.mark.parametrize("data", [b"", b"BFM1", b"PNG", b"BFM1\xff\xff\xff\xff", b"BFM1\x02\x00\x00\x00[]"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FeatureError):
        decode_features(data)


@pytest.mark.parametrize(
    ("size", "grid"),
    [
        ((512, 384), (128, 96)),
        ((4096, 1024), (128, 32)),
        ((256, 256), (128, 128)),
        ((100, 10), (50, 5)),
        ((1, 1), (1, 1)),
    ],
)
def test_the_grid_follows_the_image(size: tuple[int, int], grid: tuple[int, int]) -> None:
    assert grid_size(*size) == grid


@pytest.mark.parametrize("size", [(64, 48), (1, 1), (3, 200), (131, 77)])
def test_features_fit_the_grid_for_any_size(encoder: Any, size: tuple[int, int]) -> None:
    features = compute_features(encoder, picture(*size), max_side=128, dims=8)
    columns, rows = grid_size(*size, 128)
    assert features.dense.values.shape[1:] == (rows, columns)
    assert features.dense.values.shape[0] <= 8 and features.dense.image_size == size
    assert np.isfinite(features.dense.scale).all() and (features.dense.scale > 0).all()
    assert np.linalg.norm(features.embedding) == pytest.approx(1, abs=1e-4)
    assert features.encoder == "efficientnet_lite0"


def test_the_same_image_gives_the_same_bytes(encoder: Any) -> None:
    image = picture(96, 64)
    first, second = (encode_features(compute_features(encoder, image, max_side=96)) for _ in range(2))
    assert first == second


def test_a_flat_image_gives_features_without_trouble(encoder: Any) -> None:
    features = compute_features(encoder, np.full((40, 40, 3), 7, np.uint8), max_side=64)
    assert np.isfinite(features.dense.dequantised()).all()


def test_another_encoder_will_do() -> None:
    from models_zoo.networks.encoders import build_encoder

    torch.manual_seed(0)
    features = compute_features(build_encoder("resnet18"), picture(64, 64), max_side=64, dims=12)
    assert features.dense.values.shape == (12, 16, 16) and features.embedding.shape == (512,)


def test_quantising_costs_little() -> None:
    from models_zoo.features import _quantise

    dense = np.random.default_rng(0).normal(size=(4, 30, 30)).astype(np.float32)
    values, scale = _quantise(dense)
    assert np.abs(values * scale[:, None, None] - dense).max() <= scale.max() / 2 + 1e-6


def test_all_channels_share_one_step_and_weak_ones_cost_next_to_nothing() -> None:
    from models_zoo.features import _quantise

    dense = np.random.default_rng(0).normal(size=(2, 64, 64)).astype(np.float32)
    dense[1] /= 100
    values, scale = _quantise(dense)
    assert scale[0] == scale[1] and np.abs(values[0]).max() == 16 and np.abs(values[1]).max() <= 1
    both = ImageFeatures(np.zeros(1, np.float32), DenseFeatures(values, scale, FEATURES_VERSION, (64, 64)))
    assert len(encode_features(both)) < 4000


@pytest.mark.parametrize("version", range(1, FEATURES_VERSION + 1))
def test_files_of_all_versions_are_read(version: int) -> None:
    features = some_features()
    old = replace(features, dense=replace(features.dense, version=version))
    assert decode_features(encode_features(old)).dense.version == version


def test_what_the_finer_strides_see_outweighs_the_coarsest() -> None:
    from models_zoo.features import _reduce

    rows = torch.arange(8)[:, None].expand(8, 8)
    angle = {32: (rows < 4).float(), 16: (rows.T < 4).float()}  # two halves, seen as clearly by either stride
    maps = {stride: torch.stack([turn.cos(), turn.sin()])[None] for stride, turn in angle.items()}
    first = _reduce(maps, 8, 8, 2)[0]
    across, down = first[:, :4].mean() - first[:, 4:].mean(), first[:4].mean() - first[4:].mean()
    assert abs(across) > 10 * abs(down)


def test_resizing_keeps_an_image_of_the_right_size() -> None:
    image = picture(20, 10)
    assert np.array_equal(resize_rgb(image, 20, 10), image)
    assert resize_rgb(image, 40, 30).shape == (30, 40, 3)
