"""Which cells the mixture starts from, whatever kind of mark there is.

Shape letters: B batch, C classes, H height, W width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models_zoo.losses.box_projection import FILL_RANGE
from models_zoo.losses.image_level import TOP_SHARE
from models_zoo.methods.base import Batch


@torch.no_grad()
def initial_labels(batch: Batch, believed_BChw: Tensor | None) -> Tensor:
    """Shares (B, C, h, w) of each cell labelled with each class, each cell's sum at most 1.

    * Strokes, filled marks, points, masks: as drawn.
    * A cell of which all classes but one are ruled out is of that one: outside of the boxes, say.
    * A class that is tagged or boxed but labelled nowhere: where the network believes it most. Of a box these are the
      surest 20 %, which an object fills at least; of a tagged image those of the surest 5 % that it calls so.

    Args:
        batch: what people said.
        believed_BChw: probabilities; None leaves the last kind out, early in a training.
    """
    labels = batch.targets_BChw.clone()
    free = batch.valid_Bhw & (labels.sum(dim=1) == 0)
    open_BChw = batch.plausible_BC[:, :, None, None] & ~batch.excluded_BChw
    left = free & (open_BChw.sum(dim=1) == 1)
    labels += open_BChw * left[:, None]
    if believed_BChw is not None:
        labels += _named(batch, believed_BChw, labels, open_BChw)
    return labels / labels.sum(dim=1, keepdim=True).clamp(min=1)


def _named(batch: Batch, believed_BChw: Tensor, labels_BChw: Tensor, open_BChw: Tensor) -> Tensor:
    """1 on the surest cells of classes that are named and not labelled."""
    free = batch.valid_Bhw & (labels_BChw.sum(dim=1) == 0)
    usable = open_BChw & free[:, None]
    missing = labels_BChw.sum(dim=(2, 3)) == 0
    made = torch.zeros_like(labels_BChw)
    boxed = torch.zeros_like(missing)
    for box in batch.boxes:
        at = (box.image, box.class_position)
        boxed[at] = True
        if missing[at]:
            area = torch.zeros_like(free[0])
            area[box.y0 : box.y1, box.x0 : box.x1] = True
            made[at] = torch.maximum(made[at], surest(believed_BChw[at], usable[at] & area, FILL_RANGE[0]))
    tagged = batch.present_BC & missing & ~boxed
    choice = believed_BChw.argmax(dim=1)
    for image, position in torch.nonzero(tagged).tolist():
        area = usable[image, position]
        made[image, position] = surest(believed_BChw[image, position], area, TOP_SHARE) * (choice[image] == position)
    return made


def surest(believed_hw: Tensor, area_hw: Tensor, share: float) -> Tensor:
    """1.0 on the ``share`` of an area's cells, at least one, that are believed most; 0 elsewhere and without area."""
    chosen = torch.zeros_like(believed_hw)
    cells = int(area_hw.sum())
    if cells:
        ranked = believed_hw.masked_fill(~area_hw, -torch.inf).flatten()
        chosen.view(-1)[ranked.topk(max(1, round(share * cells))).indices] = 1
    return chosen
