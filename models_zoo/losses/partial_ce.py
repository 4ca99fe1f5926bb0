"""Cross entropy on the pixels somebody labelled, and its counterpart for excluded classes.

Shape letters: B batch, C classes, H height, W width (of the network's output).

Targets are fractions: how much of an output cell is labelled with each class. A cell of 4 x 4 image pixels
crossed by a thin stroke thus counts as much as the stroke covers, and borders in full masks stay soft.
"""

from __future__ import annotations

import torch
from torch import Tensor

_EPS = 1e-6


def partial_cross_entropy(logits_BCHW: Tensor, targets_BCHW: Tensor, class_weights_C: Tensor | None = None) -> Tensor:
    """Mean over images of the cross entropy on their labelled cells; 0 when nothing is labelled.

    Per image: sum of -t w log p over the labelled mass. Images are weighted by the square root of that mass,
    so that a full mask counts for more than a few strokes without drowning them.

    Args:
        logits_BCHW: float logits.
        targets_BCHW: fractions in 0..1, at most 1 summed over classes; 0 everywhere means unlabelled.
        class_weights_C: weight of each class, 1 each if None.

    Returns:
        A scalar.
    """
    log_probs = torch.log_softmax(logits_BCHW, dim=1)
    weighted = targets_BCHW if class_weights_C is None else targets_BCHW * class_weights_C.view(1, -1, 1, 1)
    energy_B = -(weighted * log_probs).sum(dim=(1, 2, 3))
    mass_B = targets_BCHW.sum(dim=(1, 2, 3))
    share_B = mass_B.sqrt()
    return (energy_B / mass_B.clamp(min=_EPS) * share_B).sum() / share_B.sum().clamp(min=_EPS)


def even_classes(targets_BCHW: Tensor, chosen_B: Tensor) -> Tensor:
    """The same targets with, in the chosen images, as much labelled mass for each class that occurs.

    How long a stroke is says little about how large the thing is: a hand stops when it has pointed something out.
    Mass by length would teach that thin things are rare.

    Args:
        targets_BCHW: fractions in 0..1, as for `partial_cross_entropy`; an image's mass in all stays what it was.
        chosen_B: bool, the images to do this in.
    """
    mass_BC = targets_BCHW.sum(dim=(2, 3))
    occurs_BC = mass_BC > 0
    even_B1 = mass_BC.sum(dim=1, keepdim=True) / occurs_BC.sum(dim=1, keepdim=True).clamp(min=1)
    factor_BC = torch.where(chosen_B[:, None] & occurs_BC, even_B1 / mass_BC.clamp(min=_EPS), torch.ones_like(mass_BC))
    return targets_BCHW * factor_BC[:, :, None, None]


def excluded_cross_entropy(logits_BCHW: Tensor, excluded_BCHW: Tensor) -> Tensor:
    """-log(1 - p) of the classes a cell is known not to be, averaged over cells with any; 0 without any.

    Args:
        logits_BCHW: float logits.
        excluded_BCHW: bool, True where the cell is not of the class. Excluding all classes is no evidence
            at all and such cells are left out.
    """
    mass_BHW = (torch.softmax(logits_BCHW, dim=1) * excluded_BCHW).sum(dim=1)
    counted_BHW = excluded_BCHW.any(dim=1) & ~excluded_BCHW.all(dim=1)
    energy_BHW = -torch.log1p(-mass_BHW.clamp(max=1 - 1e-4)) * counted_BHW
    return energy_BHW.sum() / counted_BHW.sum().clamp(min=1)
