"""What the project's model thinks of an image before anybody marks it: quantised probabilities, and their file.

They enter the live head's scores as log probabilities (see `live_head`). Classes that the model sees nowhere in the
image are left out, so that a project of many classes costs what the image shows; a mark brings any of them back.

The file (little-endian; the browser reads it in `frontend/codecs/prior_map.ts`)::

    4 bytes   magic "BPM1"
    4 bytes   uint32, length of the header
    header    JSON, UTF-8: {"version", "model_version", "classes", "height", "width"}
    payload   zlib stream of uint8 (classes, height, width), 255 for certain, each row as differences to the left
              neighbour (modulo 256; the first value of a row as it is)

At most 64 cells a side, so that a file stays below 1 MiB even if all of 254 classes were seen in one image (4 KiB a
class before compression).

Shape letters: C classes, h x w cells; the grid tiles the image exactly.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_zoo.marks import MAX_CLASS_INDEX

PRIOR_VERSION = 1
MAX_SIDE = 64
# A class counts as seen where the model gives it this much somewhere; of one that is not seen no more can be said.
UNSEEN = 0.1

_MAGIC = b"BPM1"
_MAX_HEADER = 4096
_DAMAGED = "The model's probabilities are damaged or cut short; let the model propose again."

FloatArray = npt.NDArray[np.float32]


class PriorError(ValueError):
    """A file of probabilities that cannot be used; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class ClassPrior:
    """``maps`` uint8 (C, h, w), 255 for certain, of the classes ``classes``, ascending; at least one."""

    classes: tuple[int, ...]
    maps: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Refuse what no segmenter can use. Raises ValueError."""
        if self.maps.dtype != np.uint8 or self.maps.ndim != 3 or self.maps.size == 0:
            raise ValueError("maps must be a non-empty uint8 array (classes, h, w)")
        if len(self.maps) != len(self.classes) or list(self.classes) != sorted(set(self.classes)):
            raise ValueError("classes must ascend, one for each map")
        if not 0 <= self.classes[0] <= self.classes[-1] <= MAX_CLASS_INDEX:
            raise ValueError("class indices must lie in 0..253")

    def on_grid(self, grid: tuple[int, int]) -> dict[int, FloatArray]:
        """Probabilities (h, w) in 0..1 by class, linearly interpolated to a grid of (w, h) cells."""
        import cv2

        return {
            index: np.asarray(
                cv2.resize(plane.astype(np.float32) / 255, grid, interpolation=cv2.INTER_LINEAR), np.float32
            )
            for index, plane in zip(self.classes, self.maps, strict=True)
        }


def quantised(probabilities: FloatArray, class_indices: Sequence[int]) -> ClassPrior | None:
    """The prior that a network's probabilities (C, h, w) make; None where no class is seen.

    ``class_indices`` ascend, one for each of the C. Raises ValueError for numbers outside 0..1, NaN among them.
    """
    import cv2

    if not ((probabilities >= 0) & (probabilities <= 1 + 1e-3)).all():
        raise ValueError("probabilities must lie in 0..1")
    height, width = probabilities.shape[1:]
    ratio = min(1.0, MAX_SIDE / max(height, width))
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    kept: list[int] = []
    maps: list[npt.NDArray[np.uint8]] = []
    for index, plane in zip(class_indices, probabilities, strict=True):
        small = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
        if small.max() >= UNSEEN:
            kept.append(index)
            maps.append(np.rint(np.minimum(small, 1) * 255).astype(np.uint8))
    return ClassPrior(classes=tuple(kept), maps=np.stack(maps)) if kept else None


def encode_prior(prior: ClassPrior, *, model_version: int) -> bytes:
    """Write a prior of a model version (its number) in the format above; the same prior gives the same bytes."""
    _, height, width = prior.maps.shape
    header = {
        "version": PRIOR_VERSION,
        "model_version": model_version,
        "classes": prior.classes,
        "height": height,
        "width": width,
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    deltas = np.diff(prior.maps, axis=2, prepend=np.uint8(0))
    return _MAGIC + struct.pack("<I", len(text)) + text + zlib.compress(deltas.tobytes(), 6)


def decode_prior(data: bytes) -> ClassPrior:
    """Read what `encode_prior` wrote, exactly. Raises PriorError on anything else."""
    if data[:4] != _MAGIC or len(data) < 8:
        raise PriorError("This is no file of a model's probabilities; let the model propose again.")
    (length,) = struct.unpack("<I", data[4:8])
    if length > _MAX_HEADER or len(data) < 8 + length:
        raise PriorError(_DAMAGED)
    classes, height, width = _header(data[8 : 8 + length])
    stream = zlib.decompressobj()
    size = len(classes) * height * width
    try:
        deltas = np.frombuffer(stream.decompress(data[8 + length :], size + 1), np.uint8)
        if not stream.eof:
            raise PriorError(_DAMAGED)
        maps = np.cumsum(deltas.reshape(len(classes), height, width), axis=2, dtype=np.uint8)
        return ClassPrior(classes=classes, maps=maps)
    except (zlib.error, ValueError) as error:
        raise PriorError(_DAMAGED) from error


def _header(text: bytes) -> tuple[tuple[int, ...], int, int]:
    """Classes, height and width, each number within its limits."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PriorError(_DAMAGED) from error
    if not isinstance(fields, dict) or not isinstance(fields.get("classes"), list):
        raise PriorError(_DAMAGED)
    if fields.get("version") != PRIOR_VERSION:
        raise PriorError(
            "These probabilities are of a kind that this version cannot read; let the model propose again."
        )
    classes, height, width = fields["classes"], fields.get("height"), fields.get("width")
    if any(type(number) is not int for number in classes) or len(classes) > MAX_CLASS_INDEX + 1:
        raise PriorError(_DAMAGED)
    if type(height) is not int or type(width) is not int or not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise PriorError(_DAMAGED)
    return tuple(classes), height, width
