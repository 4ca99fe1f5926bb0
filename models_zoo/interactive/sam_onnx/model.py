"""The two ONNX files of a segment-anything model: read, checked and called.

Exports differ in the names and shapes of their inputs; these are looked up rather than assumed:

* encoder: one picture in, either (1, 3, S, S) float, normalised and padded here, or (H, W, 3), raw, where the file
  does that itself; one embedding (1, C, s, s) out.
* decoder: ``image_embeddings``, ``point_coords`` (1, N, 2), ``point_labels`` (1, N) in, and where they are asked for
  ``mask_input`` (1, 1, 4 s, 4 s), ``has_mask_input`` (1) and ``orig_im_size`` (2); masks as logits (1, K, h, w) and,
  of most exports, their estimated quality (1, K) and small masks out.

Kirillov et al., ICCV 2023; Zhang et al. (MobileSAM), 2023; Zhou et al. (EdgeSAM), 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models_zoo.file_hashes import differs_from_its_hash
from models_zoo.interactive.types import SegmenterFileError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FloatArray = npt.NDArray[np.float32]

DEFAULT_SIDE = 1024
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
_DECODER_INPUTS = {
    "embedding": ("image_embeddings", "image_embedding", "embeddings", "image_embed"),
    "coords": ("point_coords", "points", "point_coordinates", "input_points"),
    "labels": ("point_labels", "labels", "input_labels"),
    "mask": ("mask_input", "input_masks", "mask_inputs"),
    "has_mask": ("has_mask_input", "has_mask"),
    "size": ("orig_im_size", "original_size", "orig_size"),
}
_NEEDED = ("embedding", "coords", "labels")
_SMALL_MASKS = ("low_res_masks", "low_res_logits")
_MASKS = ("masks", "output_masks", "pred_masks")
_QUALITY = ("iou_predictions", "iou_preds", "iou_scores", "scores")
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
_RANKS = {"embedding": 4, "coords": 3, "labels": 2, "mask": 4, "has_mask": 1, "size": 1}
_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
}


@dataclass(frozen=True)
class Embedded:
    """A picture as the encoder sees it: its embedding, and its (width, height) in the frame of prompts."""

    embedding: npt.NDArray[Any]
    size: tuple[int, int]


@dataclass(frozen=True)
class _Input:
    """A named input: its numpy type and shape, None where the size is free."""

    name: str
    dtype: type[np.generic]
    shape: tuple[int | None, ...]


class SamModel:
    """An encoder and a decoder that fit together. Raises SegmenterFileError where they are not what they should be."""

    def __init__(self, encoder: Path, decoder: Path) -> None:
        self._encoder = _session(encoder, "encoder")
        self._decoder = _session(decoder, "decoder")
        self._picture = _encoder_input(self._encoder, encoder)
        self._raw = self._picture.shape[-1] == 3
        self.side = DEFAULT_SIDE if self._raw else int(self._picture.shape[2] or DEFAULT_SIDE)
        self._inputs = _decoder_inputs(self._decoder, decoder)
        self._outputs = [output.name for output in self._decoder.get_outputs()]
        self._masks = next((name for name in (*_SMALL_MASKS, *_MASKS) if name in self._outputs), None)
        if self._masks is None:
            raise SegmenterFileError(
                f"{decoder.name} gives {', '.join(self._outputs)} and no masks: give the decoder of a "
                "segment-anything model."
            )
        self._check_pair(encoder, decoder)

    def _check_pair(self, encoder: Path, decoder: Path) -> None:
        """Whether the shapes fit, as far as the files fix them."""
        given = self._encoder.get_outputs()[0].shape
        for one, other in zip(given, self._inputs["embedding"].shape, strict=False):
            if isinstance(one, int) and other is not None and one != other:
                raise SegmenterFileError(
                    f"{decoder.name} does not fit {encoder.name}: the encoder gives {given}, the decoder takes "
                    f"{list(self._inputs['embedding'].shape)}. Give the two files of one model."
                )

    def embed(self, rgb: npt.NDArray[np.uint8]) -> Embedded:
        """Run the encoder on a picture uint8 (H, W, 3): long side `side`, normalised, padded right and below."""
        import cv2

        height, width = rgb.shape[:2]
        scale = self.side / max(height, width)
        size = max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))
        shrinks = scale < 1
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        if self._raw:
            tensor = small.astype(self._picture.dtype)
            tensor = tensor[None] if len(self._picture.shape) == 4 else tensor
        else:
            padded = np.zeros((self.side, self.side, 3), np.float32)
            padded[: size[1], : size[0]] = (small - MEAN) / STD
            tensor = np.ascontiguousarray(padded.transpose(2, 0, 1))[None].astype(self._picture.dtype)
        (embedding, *_) = _run(self._encoder, {self._picture.name: tensor}, "encoder")
        if embedding.ndim != 4 or len(embedding) != 1:
            raise SegmenterFileError(
                f"The encoder gives an array of shape {embedding.shape}, not (1, channels, rows, columns): give the "
                "image encoder of a segment-anything model."
            )
        return Embedded(embedding, size)

    def masks(
        self, embedded: Embedded, coords: FloatArray, labels: FloatArray, previous: FloatArray | None
    ) -> tuple[FloatArray, FloatArray | None]:
        """Logits (K, h, w) that cover the picture exactly, and their estimated quality (K,) where it is given.

        ``coords`` (N, 2) and ``labels`` (N,) are prompts in the frame of `Embedded.size`: 1 and 0 points on and off
        the object, 2 and 3 a box's corners. ``previous`` holds logits on that frame, of any size, or None.
        """
        if not (labels >= 2).any():
            # Without a box the model wants a last point that is none.
            coords = np.concatenate([coords, np.zeros((1, 2), np.float32)])
            labels = np.concatenate([labels, np.full(1, -1, np.float32)])
        size = np.array(embedded.size[::-1])
        values: dict[str, npt.NDArray[Any]] = {
            "embedding": embedded.embedding,
            "coords": coords[None],
            "labels": labels[None],
            "mask": self._mask_input(embedded, previous),
            "has_mask": np.array([previous is not None]),
            "size": size,
        }
        feeds = {spec.name: values[role].astype(spec.dtype) for role, spec in self._inputs.items()}
        results = dict(zip(self._outputs, _run(self._decoder, feeds, "decoder"), strict=True))
        found = np.asarray(results[str(self._masks)], np.float32)
        if found.ndim != 4:
            raise SegmenterFileError(
                f"The decoder gives masks of shape {found.shape}; (1, masks, rows, columns) expected."
            )
        quality = next((np.asarray(results[name], np.float32).ravel() for name in _QUALITY if name in results), None)
        return self._cut(found[0], embedded), quality if quality is not None and len(quality) == len(found[0]) else None

    def _mask_input(self, embedded: Embedded, previous: FloatArray | None) -> FloatArray:
        """Previous logits on the decoder's small square, (1, 1, 4 s, 4 s); zeros without."""
        import cv2

        rows, columns = (4 * size for size in embedded.embedding.shape[2:])
        square = np.zeros((rows, columns), np.float32)
        if previous is not None:
            width = max(1, round(embedded.size[0] * columns / self.side))
            height = max(1, round(embedded.size[1] * rows / self.side))
            square[:height, :width] = cv2.resize(previous, (width, height), interpolation=cv2.INTER_LINEAR)
        return square[None, None]

    def _cut(self, logits: FloatArray, embedded: Embedded) -> FloatArray:
        """Without the padding, where the masks still cover the square."""
        if self._masks not in _SMALL_MASKS and "size" in self._inputs:
            return logits
        height, width = logits.shape[1:]
        rows = max(1, round(height * embedded.size[1] / self.side))
        return logits[:, :rows, : max(1, round(width * embedded.size[0] / self.side))]


# --- reading the files --------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _cached(encoder: Path, decoder: Path, stamps: tuple[tuple[int, int], ...]) -> SamModel:
    return SamModel(encoder, decoder)


def load_model(encoder: Path, decoder: Path) -> SamModel:
    """The model of two files; the last one stays loaded while the files stay the same. Raises SegmenterFileError."""
    stamps = []
    for path in (encoder, decoder):
        try:
            stat = path.stat()
        except OSError as error:
            raise SegmenterFileError(
                f"There is no file {path.name} where it should be; give its right path."
            ) from error
        stamps.append((stat.st_mtime_ns, stat.st_size))
    return _cached(encoder.resolve(), decoder.resolve(), tuple(stamps))


def _session(path: Path, role: str) -> InferenceSession:
    """Load one file, after comparing it to `<file>.sha256` if that lies beside it."""
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors
    except ImportError as error:
        raise SegmenterFileError("ONNX files need onnxruntime: pip install 'burnish[onnx]'.") from error
    if differs_from_its_hash(path):
        raise SegmenterFileError(f"{path.name} does not match the hash in {path.name}.sha256: fetch the file again.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    usable = onnxruntime.get_available_providers()
    providers = [name for name in _PROVIDERS if name in usable]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except (
        errors.InvalidProtobuf,
        errors.InvalidGraph,
        errors.Fail,
        errors.NoSuchFile,
        errors.NotImplemented,
    ) as error:
        raise SegmenterFileError(
            f"{path.name} is not an ONNX file that can be run as the {role}: export it anew."
        ) from error


def _run(session: InferenceSession, feeds: dict[str, npt.NDArray[Any]], role: str) -> list[npt.NDArray[Any]]:
    """Call a file. Where its shapes are free, only this shows whether it is the right one."""
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    try:
        return list(session.run(None, feeds))
    except (errors.Fail, errors.InvalidArgument, errors.RuntimeException) as error:
        why = (str(error).splitlines() or [""])[0][:200]
        raise SegmenterFileError(f"The {role}'s file does not run: give the two files of one model. ({why})") from error


def _described(inputs: Sequence[Any]) -> dict[str, _Input]:
    found = {}
    for entry in inputs:
        dtype = _TYPES.get(entry.type)
        if dtype is None:
            raise SegmenterFileError(f"The input {entry.name} is of type {entry.type}, which no picture or prompt has.")
        shape = tuple(size if isinstance(size, int) else None for size in entry.shape)
        found[entry.name] = _Input(entry.name, dtype, shape)
    return found


def _encoder_input(session: InferenceSession, path: Path) -> _Input:
    inputs = list(_described(session.get_inputs()).values())
    shape = inputs[0].shape if len(inputs) == 1 else ()
    planes_first = len(shape) == 4 and shape[1] in (3, None) and shape[3] != 3
    planes_last = len(shape) in (3, 4) and shape[-1] == 3
    if not planes_first and not planes_last:
        asked = ", ".join(f"{entry.name} {list(entry.shape)}" for entry in inputs)
        raise SegmenterFileError(
            f"{path.name} asks for {asked}, not for one picture: give the image encoder of a segment-anything model."
        )
    if planes_first and shape[2] != shape[3]:
        raise SegmenterFileError(
            f"{path.name} wants pictures of {shape[2]} x {shape[3]}; only square ones are known here."
        )
    return inputs[0]


def _decoder_inputs(session: InferenceSession, path: Path) -> dict[str, _Input]:
    inputs = _described(session.get_inputs())
    found = {
        role: next(inputs[name] for name in names if name in inputs)
        for role, names in _DECODER_INPUTS.items()
        if any(name in inputs for name in names)
    }
    missing = [_DECODER_INPUTS[role][0] for role in _NEEDED if role not in found]
    unknown = sorted(set(inputs) - {spec.name for spec in found.values()})
    if missing or unknown:
        asked = f" and asks for {', '.join(unknown)}, which is not known here" if unknown else ""
        lacks = f" takes no {', '.join(missing)}" if missing else " is of another kind"
        raise SegmenterFileError(f"{path.name}{lacks}{asked}: give the decoder of a segment-anything model.")
    for role, spec in found.items():
        if len(spec.shape) != _RANKS[role]:
            raise SegmenterFileError(
                f"{path.name} wants {spec.name} with {len(spec.shape)} dimensions, not {_RANKS[role]}: export it for "
                "one picture at a time."
            )
    return found
