"""Two heads of one network that teach each other (self-distillation; Hinton et al., 2015, for the softened answers).

Shape letters: N boxes, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def softened_divergence(logits_NK: Tensor, targets_NK: Tensor, *, temperature: float) -> Tensor:
    """T^2 KL(target || softmax(logits / T)), the mean of N; 0 without rows.

    T^2 keeps gradients as large as those of a cross entropy. The targets are probabilities and learn nothing.
    """
    if not len(logits_NK):
        return logits_NK.sum() * 0.0
    targets = targets_NK.detach()
    own = torch.log_softmax(logits_NK / temperature, dim=1)
    return F.kl_div(own, targets, reduction="batchmean") * temperature**2


def self_distillation(box_logits_NK: Tensor, image_logits_NK: Tensor, *, temperature: float) -> Tensor:
    """The whole image learns what the box shows, and the box what both think together.

    T^2 [KL(p_box || p_image) + KL((p_box + p_image) / 2 || p_box)] with softened answers; what stands first teaches and
    learns nothing. 0 where both agree.

    Args:
        box_logits_NK: float, of each box.
        image_logits_NK: float, of the image that each box lies in.
    """
    box, image = (torch.softmax(part.detach() / temperature, dim=1) for part in (box_logits_NK, image_logits_NK))
    of_image = softened_divergence(image_logits_NK, box, temperature=temperature)
    of_box = softened_divergence(box_logits_NK, (box + image) / 2, temperature=temperature)
    return of_image + of_box
