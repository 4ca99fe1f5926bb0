"""Boxes as tensors: overlap, views, deltas and noise.

Shape letters: N boxes, M true boxes, V views. Boxes are float32 (N, 4): x0, y0, x1, y1 in pixels, half-open.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision import ops

from models_zoo.losses.detection import OPEN

VIEWS = 7
_MIN_VISIBLE = 0.4
"""Of a box less than this much of which is on the canvas nobody can say where it should end."""
_MIN_SIDE = 2.0
_STEP = 0.06
_MAX_LOG = math.log(1000 / 16)
"""No side grows more than this in one decoding: exp of a wild delta must stay finite (as in Faster R-CNN)."""
# Shifts of x0, y0, x1, y1 in steps of the box's own width and height: itself, four diagonals, two enlargements.
_SHIFTS = (
    (0, 0, 0, 0),
    (-1, -1, -1, -1),
    (1, -1, 1, -1),
    (-1, 1, -1, 1),
    (1, 1, 1, 1),
    (-1, -1, 1, 1),
    (-2, -2, 2, 2),
)


def _sides(boxes_N4: Tensor) -> Tensor:
    """Width, height, width, height of each box (N, 4)."""
    sides_N2 = boxes_N4[:, 2:] - boxes_N4[:, :2]
    return torch.cat([sides_N2, sides_N2], dim=1)


def context_views(boxes_N4: Tensor) -> Tensor:
    """Each box with six others around it, (N, V, 4): shifted to four corners by 6 %, pushed out by 6 % and by 12 %.

    They are not clipped (Zhang, Sun and Wei, AAAI 2023: what lies around a box tells how it is off).
    """
    shifts_V4 = _STEP * boxes_N4.new_tensor(_SHIFTS)
    return boxes_N4[:, None] + shifts_V4 * _sides(boxes_N4)[:, None]


def encode(boxes_N4: Tensor, targets_N4: Tensor) -> Tensor:
    """Deltas (N, 4) from boxes to targets: shift of the centre in widths and heights, logarithm of the growth."""
    sides, wanted = _sides(boxes_N4)[:, :2], _sides(targets_N4)[:, :2]
    shift = (targets_N4[:, :2] + targets_N4[:, 2:] - boxes_N4[:, :2] - boxes_N4[:, 2:]) / 2 / sides
    return torch.cat([shift, torch.log(wanted / sides)], dim=1)


def decode(boxes_N4: Tensor, deltas_N4: Tensor) -> Tensor:
    """Invert `encode`; deltas of 0 give the boxes back."""
    sides = _sides(boxes_N4)[:, :2]
    centres = (boxes_N4[:, :2] + boxes_N4[:, 2:]) / 2 + deltas_N4[:, :2] * sides
    half = sides * torch.exp(deltas_N4[:, 2:].clamp(max=_MAX_LOG)) / 2
    return torch.cat([centres - half, centres + half], dim=1)


def jitter(boxes_N4: Tensor, *, scale: float, count: int, size: tuple[int, int]) -> Tensor:
    """``count`` noisy copies of each box: each side moves by Gaussian noise of ``scale`` widths or heights.

    Copies are clipped to the picture of ``size`` (width, height), and those left without area are dropped. The
    noise comes from torch's CPU generator on any device, so that a run is resumed to the bit.
    """
    noise = torch.randn((len(boxes_N4), count, 4)).to(boxes_N4)
    moved = boxes_N4[:, None] + scale * _sides(boxes_N4)[:, None] * noise
    return with_area(clip(moved.reshape(-1, 4), size))


def clip(boxes_N4: Tensor, size: tuple[int, int]) -> Tensor:
    """The part of each box inside a picture of ``size`` (width, height)."""
    found: Tensor = ops.clip_boxes_to_image(boxes_N4, (size[1], size[0]))
    return found


def on_canvas(boxes_N4: Tensor, labels_N: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """What a canvas of ``size`` (width, height) shows of boxes, and their labels, `OPEN` where a box is mostly cut off.

    Boxes hardly on the canvas (sides under 2 px) are left out.
    """
    shown = clip(boxes_N4, size)
    share = ops.box_area(shown) / ops.box_area(boxes_N4)
    is_there = (shown[:, 2:] - shown[:, :2] >= _MIN_SIDE).all(dim=1)
    return shown[is_there], torch.where(share >= _MIN_VISIBLE, labels_N, OPEN)[is_there]


def with_area(boxes_N4: Tensor, least: float = 1.0) -> Tensor:
    """Those of the boxes whose sides are both ``least`` pixels or more."""
    return boxes_N4[(boxes_N4[:, 2:] - boxes_N4[:, :2] >= least).all(dim=1)]


def best_match(boxes_N4: Tensor, truths_M4: Tensor) -> tuple[Tensor, Tensor]:
    """For each box the highest IoU with a true box, float (N,), and which one it is, int64 (N,); needs M >= 1."""
    best, which = ops.box_iou(boxes_N4, truths_M4).max(dim=1)
    return best, which
