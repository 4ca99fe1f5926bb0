"""Which of many boxes shows its class best, and whether it is enough better to replace the one there is.

Shape letters: N boxes, V variants of a box, K classes of objects; the last of K + 1 is "no object". Boxes are float32
(N, 4): x0, y0, x1, y1 in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torchvision import ops

from models_zoo.detection.boxes import clip
from models_zoo.networks.detector import Found

Belief: TypeAlias = Callable[[Tensor], Tensor]
"""Boxes (N, 4) of one image -> what the judge sees in each, probabilities (N, K + 1)."""

_SCALES = (1.0, 0.9, 1.1, 0.8, 1.25)
_SHIFT = 0.1
_SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))
_DETECTED = 0.5
"""Weight of the detector's opinion beside the judge's."""
_LEAST_OVERLAP, _LEAST_SUPPORT = 0.1, 0.05
_MOST_FOUND = 10


@dataclass(frozen=True)
class Gate:
    """When a better box is taken: by how much it must be better, and how sure of a box that nobody drew one must be.

    ``hold`` is the weight of its overlap with the drawn box.
    """

    candidates: int
    hold: float
    least_gain: float
    class_score: float
    box_score: float


def _steps() -> list[tuple[float, float, float]]:
    """(scale, shift in widths, shift in heights), the nearest to no change first."""
    found = [(scale, _SHIFT * x, _SHIFT * y) for scale in _SCALES for x, y in _SHIFTS]
    return sorted(found, key=lambda step: abs(math.log(step[0])) + math.hypot(step[1], step[2]))


def variants(boxes_N4: Tensor, count: int) -> Tensor:
    """Each box and others around it, (N, V, 4), itself first: scales 0.8 to 1.25 and shifts by a tenth of its sides."""
    steps = boxes_N4.new_tensor(_steps()[:count])
    sides = boxes_N4[:, 2:] - boxes_N4[:, :2]
    middles = (boxes_N4[:, 2:] + boxes_N4[:, :2])[:, None] / 2 + steps[:, 1:] * sides[:, None]
    half = steps[:, :1] * sides[:, None] / 2
    return torch.cat([middles - half, middles + half], dim=2)


def support(boxes_N4: Tensor, found: Found) -> Tensor:
    """How much the detector speaks for each box (N,): the largest score times IoU of what it found, at least 0.05."""
    if not len(found.boxes_N4):
        return boxes_N4.new_full((len(boxes_N4),), _LEAST_SUPPORT)
    said: Tensor = ops.box_iou(boxes_N4, found.boxes_N4) * found.scores_N
    return said.amax(dim=1).clamp(min=_LEAST_SUPPORT)


def scores(believed_N: Tensor, support_N: Tensor, overlap_N: Tensor | None = None, *, hold: float = 1.0) -> Tensor:
    """log p(class) + 0.5 log(support), and, where one was drawn, + hold log max(IoU with the drawn box, 0.1); (N,)."""
    found = torch.log(believed_N.clamp(min=1e-6)) + _DETECTED * torch.log(support_N)
    return found if overlap_N is None else found + hold * torch.log(overlap_N.clamp(min=_LEAST_OVERLAP))


def _first_best(scores_N: Tensor) -> int:
    """The first of the best: of equals the one nearest to where we are."""
    return int(torch.nonzero(scores_N >= scores_N.max() - 1e-6)[0])


def mended(
    current_4: Tensor, drawn_4: Tensor, label: int, believe: Belief, found: Found, size: tuple[int, int], gate: Gate
) -> Tensor:
    """A drawn box moved to where its class is seen better, or as it was: float32 (4,).

    Args:
        current_4: where earlier rounds moved it.
        drawn_4: where a person drew it; always among the candidates, and what they must overlap.
        found: what the detector finds in the image.
        size: (width, height) of the image, at which variants are cut.
    """
    tried = clip(variants(current_4[None], gate.candidates)[0, 1:], size)
    tried = tried[(tried[:, 2:] - tried[:, :2] >= 1).all(dim=1)]
    boxes = torch.cat([current_4[None], tried, drawn_4[None]])
    believed = believe(boxes)[:, label]
    overlap = ops.box_iou(boxes, drawn_4[None])[:, 0]
    best = _first_best(scores(believed, support(boxes, found), overlap, hold=gate.hold))
    is_better = float(believed[best] - believed[0]) > gate.least_gain
    return boxes[best] if is_better else current_4


def discovered(label: int, believe: Belief, found: Found, size: tuple[int, int], gate: Gate) -> Tensor | None:
    """The box that shows a tagged class best, (4,), among what the detector found and around that; None if unsure."""
    first = found.pick(torch.argsort(found.scores_N, descending=True, stable=True)[:_MOST_FOUND])
    if not len(first.boxes_N4):
        return None
    each = max(1, gate.candidates // len(first.boxes_N4))
    boxes = clip(variants(first.boxes_N4, each).flatten(0, 1), size)
    boxes = boxes[(boxes[:, 2:] - boxes[:, :2] >= 1).all(dim=1)]
    if not len(boxes):
        return None
    believed, supported = believe(boxes)[:, label], support(boxes, first)
    best = _first_best(scores(believed, supported))
    is_sure = float(believed[best]) > gate.class_score and float(supported[best]) > gate.box_score
    return boxes[best] if is_sure else None
