"""Boxes and tags that are not believed in a step: those that the averaged network contradicts most.

Shape letters: B batch, C classes, h, w cells.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from models_zoo.losses.box_projection import GridBox
from models_zoo.losses.image_level import pool_top
from models_zoo.losses.small_loss import small_loss
from models_zoo.methods.base import Batch

_FLOOR = 1e-4


@torch.no_grad()
def sift(batch: Batch, believed_BChw: Tensor, rate: float, trust_Bhw: Tensor) -> Batch:
    """The batch without the share `rate` of its boxes, present tags and absent tags, each kind ranked apart.

    What a doubted box or tag ruled out is open again, and where any mark of an image is doubted, every class that is
    not tagged absent is plausible there.

    Args:
        batch: as loaded.
        believed_BChw: probabilities of the averaged network.
        rate: share to leave out, 0..1 (1 excluded).
        trust_Bhw: how far strokes and points are believed; below a half is doubted.
    """
    pooled_BC = pool_top(believed_BChw * batch.valid_Bhw[:, None])
    present_BC = _kept(1 - pooled_BC, batch.present_BC, rate)
    absent_BC = _kept(pooled_BC, batch.absent_BC, rate)
    boxes = _kept_boxes(batch.boxes, believed_BChw, rate)
    open_BC = batch.absent_BC & ~absent_BC
    for box in set(batch.boxes) - set(boxes):
        open_BC[box.image, box.class_position] = True
    doubted_B = (
        (trust_Bhw < 0.5).flatten(1).any(dim=1) | open_BC.any(dim=1) | (batch.present_BC & ~present_BC).any(dim=1)
    )
    return replace(
        batch,
        present_BC=present_BC,
        absent_BC=absent_BC,
        boxes=boxes,
        excluded_BChw=batch.excluded_BChw & ~open_BC[:, :, None, None],
        plausible_BC=torch.where(doubted_B[:, None], ~absent_BC, batch.plausible_BC),
    )


def _kept(doubt_BC: Tensor, said_BC: Tensor, rate: float) -> Tensor:
    return small_loss(doubt_BC.flatten(), rate, said_BC.flatten()).view_as(said_BC)


def _kept_boxes(boxes: tuple[GridBox, ...], believed_BChw: Tensor, rate: float) -> tuple[GridBox, ...]:
    """Doubt of a box: how far its class is from spanning it from side to side, both ways."""
    if not boxes:
        return boxes
    kept = small_loss(torch.stack([1 - _spanned(believed_BChw, box) for box in boxes]), rate).tolist()
    return tuple(box for box, is_kept in zip(boxes, kept, strict=True) if is_kept)


def _spanned(believed_BChw: Tensor, box: GridBox) -> Tensor:
    inside = believed_BChw[box.image, box.class_position, box.y0 : box.y1, box.x0 : box.x1]
    return (inside.amax(dim=0).mean() + inside.amax(dim=1).mean()) / 2
