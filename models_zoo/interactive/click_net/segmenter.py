"""The interactive segmenter "click_net": a look at the whole image, then a closer one at what was found.

Shape letters: h x w cells of the grid, H x W pixels.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.engine import checkpoint
from models_zoo.features import resize_rgb
from models_zoo.info import parse_config
from models_zoo.interactive.click_net.clicks import Clicks, draw
from models_zoo.interactive.click_net.info import METHOD
from models_zoo.interactive.click_net.network import ClickNet
from models_zoo.interactive.per_class import PerClassSegmenter, Places, Prompt
from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.supervision import BoolArray
from models_zoo.interactive.types import SegmenterFileError
from models_zoo.marks import Box
from models_zoo.networks.encoders import build_encoder, rgb_to_tensor
from models_zoo.networks.segmenter import OUTPUT_STRIDE

_SIDE = 1.5
"""Long side of the network's input over the side of the pieces it learnt on: there objects fill the piece."""
_GROWTH = 1.4
_MIN_ZOOM = 1.15
_LEAST_VIEW = 64.0
_CORNER = 0.04


@dataclass(frozen=True)
class _View:
    """A part of the image, [x0, x1) x [y0, y1) in pixels, and the trunk's answer to it at `size` (width, height)."""

    x0: int
    y0: int
    x1: int
    y1: int
    size: tuple[int, int]
    trunk: Tensor

    def places(self, places: Places) -> Places:
        """Those within the view, in pixels of the network's input."""
        inside = ((places >= (self.x0, self.y0)) & (places < (self.x1, self.y1))).all(axis=1)
        scale = self.size[0] / (self.x1 - self.x0), self.size[1] / (self.y1 - self.y0)
        return (places[inside] - (self.x0, self.y0)) * scale


class ClickNetSegmenter(PerClassSegmenter):
    """InteractiveSegmenter "click_net"; answers depend on the marks and `previous` alone."""

    def __init__(self, weights: Path) -> None:
        """``weights``: the final/ folder of a training run. Raises SegmenterFileError."""
        super().__init__()
        self._net, learnt_on = _load(weights.resolve(), _stamp(weights))
        self._side = round(_SIDE * learnt_on)
        self._rgb = np.zeros((1, 1, 3), np.uint8)

    def prepare(self, rgb: npt.NDArray[np.uint8], grid: tuple[int, int]) -> None:
        """Run the trunk on the whole image."""
        self._rgb, self._grid = rgb, grid
        self._whole = self._view(0, 0, rgb.shape[1], rgb.shape[0])

    def find(self, prompt: Prompt, previous: BoolArray | None) -> FloatArray:
        """Two looks; with a previous answer, one look at where that and the clicks are."""
        clicks = _with_boxes(prompt, self._rgb.shape[:2])
        if previous is None:
            found = self._look(self._whole, clicks, None)
            if len(clicks.positive) + len(clicks.negative) < 2:
                return found
        else:
            found = np.asarray(_resized(previous.astype(np.float32), self._grid), np.float32)
        view = self._closer(found, clicks)
        if view is None and previous is None:
            return found
        return self._look(view or self._whole, clicks, found)

    def _view(self, x0: int, y0: int, x1: int, y1: int) -> _View:
        """Cut and resize the picture, and run the trunk."""
        scale = self._side / max(x1 - x0, y1 - y0)
        size = (_round_up((x1 - x0) * scale, OUTPUT_STRIDE), _round_up((y1 - y0) * scale, OUTPUT_STRIDE))
        small = resize_rgb(self._rgb[y0:y1, x0:x1], *size)
        padded = np.pad(small, ((0, -size[1] % 32), (0, -size[0] % 32), (0, 0)), mode="edge")
        with torch.inference_mode():
            trunk = self._net.trunk(self._net.encoder.normalise(rgb_to_tensor(padded)))
        return _View(x0, y0, x1, y1, size, trunk)

    def _closer(self, found: FloatArray, clicks: Clicks) -> _View | None:
        """Where the object and the clicks on it are, with room around; None where that is nearly everything."""
        height, width = self._rgb.shape[:2]
        scale = np.array([width / self._grid[0], height / self._grid[1]])
        rows, columns = np.nonzero(found > 0.5)
        corners = [np.stack([columns, rows], axis=1) * scale, np.stack([columns + 1, rows + 1], axis=1) * scale]
        places = np.concatenate([*corners, clicks.positive])
        if not len(places):
            return None
        low, high = places.min(axis=0), places.max(axis=0)
        middle, half = (low + high) / 2, np.maximum((high - low) * _GROWTH, _LEAST_VIEW) / 2
        x0, y0 = (int(value) for value in np.maximum(middle - half, 0))
        x1, y1 = (math.ceil(value) for value in np.minimum(middle + half, (width, height)))
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        if max(x1 - x0, y1 - y0) * _MIN_ZOOM > max(width, height):
            return None
        return self._view(x0, y0, x1, y1)

    def _look(self, view: _View, clicks: Clicks, previous: FloatArray | None) -> FloatArray:
        """Probability (h, w) on the whole grid; nothing outside the view. `previous` is on the grid."""
        width, height = view.size
        guides = np.zeros((3, height + -height % 32, width + -width % 32), np.float32)
        shown = Clicks(view.places(clicks.positive), view.places(clicks.negative))
        guides[:2, :height, :width] = draw(shown, width, height)
        x0, y0, x1, y1 = self._cells(view)
        if previous is not None:
            guides[2, :height, :width] = _resized(previous[y0:y1, x0:x1], view.size)
        with torch.inference_mode():
            logits = self._net(view.trunk, torch.from_numpy(guides)[None])
            logits = logits[:, None, : height // OUTPUT_STRIDE, : width // OUTPUT_STRIDE].float()
            enlarged = F.interpolate(logits, size=(y1 - y0, x1 - x0), mode="bilinear", align_corners=False)
            part = torch.sigmoid(enlarged)[0, 0].numpy()
        whole = np.zeros((self._grid[1], self._grid[0]), np.float32)
        whole[y0:y1, x0:x1] = part
        return whole

    def _cells(self, view: _View) -> tuple[int, int, int, int]:
        """The view's place on the grid, at least one cell."""
        height, width = self._rgb.shape[:2]
        x0, x1 = round(view.x0 * self._grid[0] / width), round(view.x1 * self._grid[0] / width)
        y0, y1 = round(view.y0 * self._grid[1] / height), round(view.y1 * self._grid[1] / height)
        x0, y0 = min(x0, self._grid[0] - 1), min(y0, self._grid[1] - 1)
        return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _with_boxes(prompt: Prompt, shape: tuple[int, int]) -> Clicks:
    """A box as clicks: its middle, unless something inside is clicked, and its four corners, which are seldom it."""
    positive, negative = [prompt.positive], [prompt.negative]
    for box in prompt.boxes:
        low, high = np.array([box.x0, box.y0]), np.array([box.x1, box.y1])
        inside = ((prompt.positive >= low) & (prompt.positive <= high)).all(axis=1)
        if not inside.any():
            positive.append(np.clip((low + high) / 2, 0, (shape[1] - 1e-3, shape[0] - 1e-3))[None])
        negative.append(_corners(box, shape))
    return Clicks(np.concatenate(positive), np.concatenate(negative))


def _corners(box: Box, shape: tuple[int, int]) -> Places:
    """Just outside the corners of a box, as far as that is in the image."""
    out = _CORNER * max(box.x1 - box.x0, box.y1 - box.y0) + 1
    places = np.array([(x, y) for x in (box.x0 - out, box.x1 + out) for y in (box.y0 - out, box.y1 + out)])
    return places[((places >= 0) & (places < (shape[1], shape[0]))).all(axis=1)]


def _resized(plane: FloatArray, size: tuple[int, int]) -> FloatArray:
    import cv2

    shrinks = size[0] * size[1] < plane.size
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=kind), np.float32)


def _round_up(value: float, multiple: int) -> int:
    return max(multiple, multiple * round(value / multiple))


# --- loading ------------------------------------------------------------------------------------


def _stamp(weights: Path) -> str:
    """Changes when other weights come to lie there; the hash itself is checked on loading."""
    try:
        return str(checkpoint.load_manifest(weights).get("sha256"))
    except checkpoint.CheckpointError as error:
        raise SegmenterFileError(f"The click network's weights cannot be used: {error}.") from error


@lru_cache(maxsize=2)
def _load(weights: Path, stamp: str) -> tuple[ClickNet, int]:
    """The network and the side of the pieces it learnt on. One copy serves all images."""
    try:
        tensors, manifest = checkpoint.load_folder(weights)
    except checkpoint.CheckpointError as error:
        raise SegmenterFileError(f"The click network's weights cannot be used: {error}.") from error
    if manifest.get("method") != METHOD.name:
        raise SegmenterFileError(
            f"These weights were trained by {manifest.get('method')!r}, not {METHOD.name!r}: give those of a click "
            "network."
        )
    if any(not torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise SegmenterFileError("The click network's weights hold values that are not numbers; train it again.")
    try:
        config = parse_config(METHOD, json.loads(json.dumps(manifest["config"])))
        net = ClickNet(build_encoder(str(vars(config)["encoder"])))
        net.load_state_dict(tensors, strict=True)
        return net.eval().requires_grad_(False), int(str(manifest["image_size"]))
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise SegmenterFileError(
            "The click network's weights are of another shape than this version's network; train it again."
        ) from error
