"""Cross entropy on seeds, half for the background and half for everything else (ToCo's segmentation loss).

L = 1/2 mean of CE over cells labelled background + 1/2 mean of CE over all other labelled cells.
The background covers most of what is labelled; a common mean would teach little else.
Shape letters: B batch, C classes, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.marks import IGNORE


def halved_cross_entropy(logits_BCHW: Tensor, labels_BHW: Tensor, *, background: int | None) -> Tensor:
    """The loss above; a half without cells is 0, and so is the whole where nothing is labelled.

    Args:
        logits_BCHW: of the network.
        labels_BHW: integer class positions; `IGNORE` (255) does not count.
        background: position of the background class; None: the first half is always 0.

    Raises:
        ValueError: labels of another size than the logits.
    """
    if logits_BCHW[:, 0].shape != labels_BHW.shape:
        raise ValueError("the halved cross entropy needs one label a cell of the logits")
    known = labels_BHW != IGNORE
    targets = torch.where(known, labels_BHW, torch.zeros_like(labels_BHW)).long()
    energy_BHW = F.cross_entropy(logits_BCHW, targets, reduction="none")
    is_ground = known & (targets == background) if background is not None else torch.zeros_like(known)
    halves = [(energy_BHW * part).sum() / part.sum().clamp(min=1) for part in (is_ground, known & ~is_ground)]
    return (halves[0] + halves[1]) / 2
