"""What methods that train a detector share: what places learn, its losses, and boxes as maps.

Shape letters: B images, H, W canvas, L places, K classes of objects, C classes with the background, N and M boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision import ops

from models_zoo.losses.detection import box_overlap, quality_loss, weighted_focal
from models_zoo.methods.base import Batch
from models_zoo.networks.detector import Answer, Found, assign, places
from models_zoo.networks.segmenter import OUTPUT_STRIDE

_BOX_WEIGHT = 2.0


def canvas_size(batch: Batch) -> tuple[int, int]:
    """Width and height of the canvas."""
    return batch.rgb_BHWC.shape[2], batch.rgb_BHWC.shape[1]


def assigned(truths: Sequence[tuple[Tensor, Tensor]], batch: Batch) -> tuple[Tensor, Tensor]:
    """Labels (B, L) and boxes (B, L, 4) of all places for boxes and labels of each image."""
    middles, strides = places(canvas_size(batch), batch.rgb_BHWC.device)
    parts = [assign(boxes, labels, middles, strides) for boxes, labels in truths]
    return torch.stack([labels for labels, _ in parts]), torch.stack([boxes for _, boxes in parts])


def class_loss(answer: Answer, labels_BL: Tensor, weights_BLK: Tensor) -> Tensor:
    """Focal loss of all places; ``weights_BLK``, of a shape that spreads to this, is how much "no object" counts."""
    weights = weights_BLK.expand_as(answer.logits_BLK)
    return weighted_focal(answer.logits_BLK.flatten(0, 1), labels_BL.flatten(), weights.flatten(0, 1))


def box_losses(answer: Answer, labels_BL: Tensor, targets_BL4: Tensor) -> Tensor:
    """Overlap and quality at the places that show an object."""
    shows = labels_BL >= 0
    boxes, targets = answer.boxes_BL4[shows], targets_BL4[shows]
    return _BOX_WEIGHT * box_overlap(boxes, targets) + quality_loss(answer.quality_BL[shows], boxes, targets)


def allowed(found: Found, free_M4: Tensor, classes_M: Tensor) -> Found:
    """Without boxes more than half of which lies where a person said that there is none of the class."""
    if not len(free_M4) or not len(found.boxes_N4):
        return found
    low = torch.maximum(found.boxes_N4[:, None, :2], free_M4[:, :2])
    high = torch.minimum(found.boxes_N4[:, None, 2:], free_M4[:, 2:])
    met = (high - low).clamp(min=0).prod(dim=2) / ops.box_area(found.boxes_N4)[:, None]
    against = (met > 0.5) & (found.labels_N[:, None] == classes_M)
    return found.pick(~against.any(dim=1))


def score_maps(found: Sequence[Found], size: tuple[int, int], *, num_classes: int, background: int | None) -> Tensor:
    """Of each class the score of its surest box over a cell, of the background what the surest of all leaves.

    Args:
        found: of each image of a canvas (width, height).
        background: its position among the ``num_classes``, if there is one.

    Returns:
        float32 (B, C, H / 4, W / 4), summing to 1 over C.
    """
    objects = [place for place in range(num_classes) if place != background]
    rows, columns = size[1] // OUTPUT_STRIDE, size[0] // OUTPUT_STRIDE
    probs = torch.zeros((len(found), num_classes, rows, columns), device=found[0].boxes_N4.device)
    for number, one in enumerate(found):
        cells = (one.boxes_N4 / OUTPUT_STRIDE).round().int().tolist()
        for (x0, y0, x1, y1), score, label in zip(cells, one.scores_N, one.labels_N.tolist(), strict=True):
            region = probs[number, objects[label], y0:y1, x0:x1]
            region.clamp_(min=float(score))
    if background is None:
        return torch.softmax(torch.log(probs + 1e-3), dim=1)
    probs[:, background] = 1 - probs.amax(dim=1)
    return probs / probs.sum(dim=1, keepdim=True)
