"""Losses of boxes and their classes: weighted focal loss, generalised IoU.

Shape letters: L places of a batch, K classes of objects, N boxes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision import ops

BACKGROUND = -1
"""Label of a place that shows no object."""
OPEN = -2
"""Label of a place of which nothing is known; it teaches nothing."""


def weighted_focal(logits_LK: Tensor, labels_L: Tensor, weights_LK: Tensor) -> Tensor:
    """Focal loss of one sigmoid a class (Lin et al., ICCV 2017: alpha 0.25, gamma 2), a place that shows an object.

    Args:
        labels_L: int64, class position, `BACKGROUND` or `OPEN`.
        weights_LK: float, how much "not this class" counts at each place; what shows an object counts fully.
    """
    classes = torch.arange(logits_LK.shape[1], device=logits_LK.device)
    targets = (labels_L[:, None] == classes).to(logits_LK)
    weights = torch.maximum(targets, weights_LK) * (labels_L != OPEN)[:, None]
    energy = ops.sigmoid_focal_loss(logits_LK, targets, alpha=0.25, gamma=2.0, reduction="none")
    total: Tensor = (energy * weights).sum() / (labels_L >= 0).sum().clamp(min=1)
    return total


def box_overlap(boxes_N4: Tensor, targets_N4: Tensor) -> Tensor:
    """Mean of 1 - GIoU (Rezatofighi et al., CVPR 2019): 0 where boxes agree, towards 2 the farther they are apart.

    0 without boxes.
    """
    if not len(boxes_N4):
        return boxes_N4.sum() * 0.0
    loss: Tensor = ops.generalized_box_iou_loss(boxes_N4, targets_N4, reduction="mean")
    return loss


def quality_loss(logits_N: Tensor, boxes_N4: Tensor, targets_N4: Tensor) -> Tensor:
    """Cross entropy between what a place says of its own box and that box's true IoU; 0 without boxes."""
    if not len(boxes_N4):
        return logits_N.sum() * 0.0
    with torch.no_grad():
        met = 1 - _iou_loss(boxes_N4, targets_N4)
    return F.binary_cross_entropy_with_logits(logits_N, met)


def _iou_loss(boxes_N4: Tensor, targets_N4: Tensor) -> Tensor:
    """1 - IoU of pairs of boxes (N,)."""
    low = torch.maximum(boxes_N4[:, :2], targets_N4[:, :2])
    high = torch.minimum(boxes_N4[:, 2:], targets_N4[:, 2:])
    met = (high - low).clamp(min=0).prod(dim=1)
    union = ops.box_area(boxes_N4) + ops.box_area(targets_N4) - met
    found: Tensor = 1 - met / union.clamp(min=1e-6)
    return found
