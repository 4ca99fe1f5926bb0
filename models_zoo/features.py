"""Per-image features: one global embedding and one dense map, computed once when an image arrives.

The dense map is what the live head learns on: the encoder's strides 4 to 32, brought together on
the stride-4 grid and reduced by a PCA of the image itself, as int8. `encode_features` writes both
to bytes that need no pickle and that a browser can read (`frontend/codecs/feature_map.ts`).

The codec (little-endian; versions 1 to 3 read alike)::

    4 bytes   magic "BFM1"
    4 bytes   uint32, length of the header
    header    JSON, UTF-8: {"version", "encoder", "channels", "height", "width",
              "image_width", "image_height", "embedding", "bytes"}
    payload   zlib stream of ``bytes`` bytes:
              embedding float32 (embedding,), scale float32 (channels,),
              values int8 (channels, height, width), each row as differences to the left neighbour
              (modulo 256; the first value of a row as it is)

Version 2 gives all channels one scale, so that the strongest fills -16..16 and weaker ones need
fewer bits: at 48 channels and 128 x 128 cells 304 KiB (at most 331) on the development part of
scribbles20, against 640 KiB for 127 steps a channel, and the live head's IoU does not change
(0.826 / 0.884 with sparse / dense strokes as floats, 0.828 / 0.884 so).
Version 3 gives stride 32 half its weight before the PCA (`_STRIDE_WEIGHTS`).

Shape letters: B batch, C channels, H height, W width of the picture; h, w of the stride-4 grid.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

    from models_zoo.networks.encoders import Encoder

FEATURES_VERSION = 3
STRIDE = 4
DEFAULT_MAX_SIDE = 512
DEFAULT_DIMS = 48
MAX_ENLARGEMENT = 2.0

_MAGIC = b"BFM1"
_MAX_HEADER = 4096
_MAX_CHANNELS = 1024
_MAX_EMBEDDING = 16_384
_MAX_SIDE = 4096
_MAX_VALUES = 64 * 1024 * 1024
# What each stride counts for in the PCA and in the solver's distances. The cells of stride 32 are larger than most
# outlines are exact: at full weight it costs the live head 0.025 IoU after one round of strokes. More of stride 16 and
# less of the finer ones gains again there, but people's sparse strokes then do worse (docs/benchmarks.md).
_STRIDE_WEIGHTS = {4: 1.0, 8: 1.0, 16: 1.0, 32: 0.5}
# The PCA is fitted on at most about this many cells; more changes nothing but the time.
_PCA_CELLS = 3000
_STEPS = 16  # of the strongest channel, to either side of zero
_DAMAGED = "The feature file is damaged or cut short; compute the image's features again."


class FeatureError(ValueError):
    """A feature file that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class DenseFeatures:
    """A quantised feature map of one image.

    ``values`` int8 (C, h, w); channel c in real units is ``values[c] * scale[c]``, with zero mean
    over the image. Cell (i, j) covers the image's rows [i, i + 1) * H / h and columns
    [j, j + 1) * W / w: the grid tiles the image exactly. ``image_size`` is (W, H) of the image the
    features were computed from, in image pixels.
    """

    values: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float32]
    version: int
    image_size: tuple[int, int]

    def dequantised(self) -> npt.NDArray[np.float32]:
        """The map as float32 (C, h, w)."""
        return self.values.astype(np.float32) * self.scale[:, None, None]


@dataclass(frozen=True)
class ImageFeatures:
    """Embedding float32 (D,) of length 1, dense map, and the name of the encoder both come from."""

    embedding: npt.NDArray[np.float32]
    dense: DenseFeatures
    encoder: str = ""


# --- computing ----------------------------------------------------------------------------------


def compute_features(
    encoder: Encoder,
    rgb: npt.NDArray[np.uint8],
    *,
    max_side: int = DEFAULT_MAX_SIDE,
    dims: int = DEFAULT_DIMS,
) -> ImageFeatures:
    """Run the encoder over an RGB image uint8 (H, W, 3) and reduce what it gives.

    The image is resized to four times `grid_size`: the long side becomes at most ``max_side``
    pixels, a small image is enlarged at most twofold (which finds finer outlines than its own
    stride-4 grid would). The same image and weights give the same numbers on the same machine.
    """
    import torch

    from models_zoo.networks.encoders import pad_to_multiple, rgb_to_tensor

    height, width = rgb.shape[:2]
    columns, rows = grid_size(width, height, max_side)
    resized = resize_rgb(rgb, columns * STRIDE, rows * STRIDE)
    with torch.inference_mode():
        encoder.eval()
        device = next(encoder.parameters()).device
        images_BCHW = encoder.normalise(rgb_to_tensor(resized).to(device))
        maps = encoder(pad_to_multiple(images_BCHW))
        embedding = _embedding(maps[32], resized.shape[0], resized.shape[1])
        dense = _reduce(maps, rows, columns, dims).cpu().numpy()
    values, scale = _quantise(dense)
    return ImageFeatures(embedding, DenseFeatures(values, scale, FEATURES_VERSION, (width, height)), encoder.name)


def grid_size(width: int, height: int, max_side: int = DEFAULT_MAX_SIDE) -> tuple[int, int]:
    """(columns, rows) of the stride-4 grid of an image of ``width`` x ``height`` pixels."""
    ratio = min(max_side / max(width, height), MAX_ENLARGEMENT) / STRIDE
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def resize_rgb(rgb: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    """Resize uint8 (H, W, 3): by area averaging when shrinking, by cubic interpolation when enlarging."""
    import cv2

    if rgb.shape[:2] == (height, width):
        return np.ascontiguousarray(rgb)
    shrinks = width * height < rgb.shape[0] * rgb.shape[1]
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=kind), np.uint8)


def _embedding(deepest_BCHW: Tensor, height: int, width: int) -> npt.NDArray[np.float32]:
    """Mean of the deepest map over the cells that hold image, not padding; length 1."""
    cells = deepest_BCHW[0, :, : -(-height // 32), : -(-width // 32)]
    mean = cells.mean(dim=(1, 2)).float()
    return np.asarray((mean / mean.norm().clamp_min(1e-12)).cpu().numpy(), np.float32)


def _reduce(maps: dict[int, Tensor], rows: int, columns: int, dims: int) -> Tensor:
    """Strides together on the stride-4 grid, reduced to at most ``dims`` by PCA: float (C, h, w).

    Projection and bilinear enlargement are both linear, so each stride is projected on its own
    small grid and only the ``dims`` results are enlarged.
    """
    import torch
    from torch.nn import functional as F

    taps = [weight * _normalised(maps[stride]) for stride, weight in _STRIDE_WEIGHTS.items() if stride in maps]
    grid = taps[0].shape[-2:]
    basis = _pca_basis(taps, rows, columns, dims)
    reduced = torch.zeros((basis.shape[1], *grid), device=basis.device)
    start = 0
    for tap in taps:
        part = basis[start : start + tap.shape[1]]
        start += tap.shape[1]
        projected = torch.einsum("chw,cd->dhw", tap[0], part)[None]
        reduced += F.interpolate(projected, size=grid, mode="bilinear", align_corners=False)[0]
    inside = reduced[:, :rows, :columns]
    centred: Tensor = inside - inside.mean(dim=(1, 2), keepdim=True)
    return centred


def _normalised(tap_BCHW: Tensor) -> Tensor:
    """Each cell's vector at length 1, so that only `_STRIDE_WEIGHTS` makes one stride outweigh another."""
    tap = tap_BCHW.float()
    unit: Tensor = tap / tap.norm(dim=1, keepdim=True).clamp_min(1e-6)
    return unit


def _pca_basis(taps: list[Tensor], rows: int, columns: int, dims: int) -> Tensor:
    """Principal axes (sum of channels, C) of a regular sample of the image's cells, strongest first."""
    import torch
    from torch.nn import functional as F

    grid = taps[0].shape[-2:]
    step = max(1, int((rows * columns / _PCA_CELLS) ** 0.5))
    sampled = [
        F.interpolate(tap, size=grid, mode="bilinear", align_corners=False)[0, :, :rows:step, :columns:step]
        for tap in taps
    ]
    cells = torch.cat(sampled).flatten(1).T
    cells = cells - cells.mean(dim=0)
    covariance = (cells.T @ cells).double() / max(1, len(cells) - 1)
    _, axes = torch.linalg.eigh(covariance)
    basis = axes.flip(1)[:, :dims].float()
    # An axis has no sign of its own: fix it, so that another library gives the same numbers.
    strongest = basis.abs().argmax(dim=0)
    signs = torch.sign(basis[strongest, torch.arange(basis.shape[1], device=basis.device)])
    fixed: Tensor = basis * signs
    return fixed


def _quantise(dense: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Int8 values and the real size of one step, the same for every channel.

    The solver weighs channels as the PCA gives them, so an error of one size in each costs least
    for the bits it saves.
    """
    top = float(np.abs(dense).max(initial=0))
    scale = np.full(len(dense), top / _STEPS if top > 0 else 1, np.float32)
    return np.rint(dense / scale[:, None, None]).astype(np.int8), scale


# --- the codec ----------------------------------------------------------------------------------


def encode_features(features: ImageFeatures) -> bytes:
    """Write features in the codec described at the top of this module; same features, same bytes."""
    dense = features.dense
    channels, height, width = dense.values.shape
    unsigned = dense.values.view(np.uint8)
    deltas = np.diff(unsigned, axis=2, prepend=np.uint8(0))
    body = b"".join(
        (
            features.embedding.astype("<f4").tobytes(),
            dense.scale.astype("<f4").tobytes(),
            deltas.tobytes(),
        )
    )
    header = {
        "version": dense.version,
        "encoder": features.encoder,
        "channels": channels,
        "height": height,
        "width": width,
        "image_width": dense.image_size[0],
        "image_height": dense.image_size[1],
        "embedding": len(features.embedding),
        "bytes": len(body),
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    return _MAGIC + struct.pack("<I", len(text)) + text + zlib.compress(body, 3)


def decode_features(data: bytes) -> ImageFeatures:
    """Read what `encode_features` wrote, exactly. Raises FeatureError on anything else."""
    header, start = _read_header(data)
    channels, height, width = header.channels, header.height, header.width
    head = 4 * (header.embedding + channels)
    size = head + channels * height * width
    if header.bytes != size:
        raise FeatureError(_DAMAGED)
    body = _inflate(data[start:], size)
    numbers = np.frombuffer(body[:head], "<f4").astype(np.float32)
    if not np.isfinite(numbers).all():
        raise FeatureError(_DAMAGED)
    deltas = np.frombuffer(body[head:], np.uint8).reshape(channels, height, width)
    values = np.cumsum(deltas, axis=2, dtype=np.uint8).view(np.int8)
    embedding, scale = numbers[: header.embedding], numbers[header.embedding :]
    image_size = (header.image_width, header.image_height)
    dense = DenseFeatures(values, scale, header.version, image_size)
    return ImageFeatures(embedding, dense, header.encoder)


@dataclass(frozen=True)
class _Header:
    """The checked fields of a file's header."""

    version: int
    encoder: str
    channels: int
    height: int
    width: int
    image_width: int
    image_height: int
    embedding: int
    bytes: int


_LIMITS = {
    "version": (1, FEATURES_VERSION),
    "channels": (1, _MAX_CHANNELS),
    "height": (1, _MAX_SIDE),
    "width": (1, _MAX_SIDE),
    "image_width": (1, 1_000_000),
    "image_height": (1, 1_000_000),
    "embedding": (0, _MAX_EMBEDDING),
    "bytes": (0, 2 * _MAX_VALUES),
}


def _read_header(data: bytes) -> tuple[_Header, int]:
    """The header, every number within its limits, and where the payload starts."""
    if data[:4] != _MAGIC or len(data) < 8:
        raise FeatureError("This is not a feature file; compute the image's features again.")
    (length,) = struct.unpack("<I", data[4:8])
    if length > _MAX_HEADER or len(data) < 8 + length:
        raise FeatureError(_DAMAGED)
    try:
        fields = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise FeatureError(_DAMAGED) from error
    if not isinstance(fields, dict) or not isinstance(fields.get("encoder"), str):
        raise FeatureError(_DAMAGED)
    numbers = {name: _limited(fields.get(name), low, high) for name, (low, high) in _LIMITS.items()}
    if numbers["channels"] * numbers["height"] * numbers["width"] > _MAX_VALUES:
        raise FeatureError("The feature map is larger than any this program writes; compute it again.")
    return _Header(encoder=fields["encoder"], **numbers), 8 + length


def _limited(value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FeatureError(_DAMAGED)
    return value


def _inflate(data: bytes, size: int) -> bytes:
    """Decompress exactly ``size`` bytes; a stream that holds more or less is refused unread."""
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise FeatureError(_DAMAGED) from error
    if len(body) != size or not stream.eof:
        raise FeatureError(_DAMAGED)
    return body
