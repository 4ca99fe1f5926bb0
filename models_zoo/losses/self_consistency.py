"""What several streams, and places of a picture, have to agree on (WSCL).

Zhai et al., ICCV 2023 (arXiv 2309.01246). The mean of the streams' maps, cut at one half and cleaned by the picture's
tags, is what each stream learns (multi-source consistency), and says which pairs of places are of different kinds
(inter-patch consistency). Shape letters: B batch, C classes, D channels; g rows and k columns of places, N = g k.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_CUT = 0.5


def ramp(progress: float) -> float:
    """exp(-5 (1 - p)^2): from e^-5 at the start to 1; what the maps say counts once they have something to say."""
    return math.exp(-5 * (1 - progress) ** 2)


@torch.no_grad()
def agreed_map(mean_BCgk: Tensor, present_BC: Tensor, valid_Bgk: Tensor) -> Tensor:
    """Where each class is, bool (B, C, g, k): above one half; nowhere in pictures not tagged with it.

    A class that is present but nowhere above one half is at its highest places.

    Args:
        mean_BCgk: mean of the streams' maps, 0..1.
        present_BC: bool, tagged present.
        valid_Bgk: bool, places inside the picture.
    """
    inside = mean_BCgk.masked_fill(~valid_Bgk[:, None], -1.0)
    peak = inside.amax(dim=(2, 3), keepdim=True)
    found = (inside > _CUT) | ((peak <= _CUT) & (inside == peak))
    return found & present_BC[:, :, None, None] & valid_Bgk[:, None]


def map_agreement(maps_BCgk: Tensor, agreed_BCgk: Tensor, known_BC: Tensor, valid_Bgk: Tensor) -> Tensor:
    """Mean of (map - agreed)^2 over valid places of known classes; 0 without any."""
    counted = known_BC[:, :, None, None] & valid_Bgk[:, None]
    squares = (maps_BCgk - agreed_BCgk.to(maps_BCgk.dtype)).square()
    return (squares * counted).sum() / counted.sum().clamp(min=1)


def different_kinds(agreed_BCgk: Tensor) -> Tensor:
    """1 for pairs of places that differ in any class, else 0, float (B, N, N): 1 - (t t' + (1 - t)(1 - t)') for one."""
    kinds = agreed_BCgk.flatten(2).float()
    equal = torch.einsum("bci,bcj->bij", kinds, kinds) + torch.einsum("bci,bcj->bij", 1 - kinds, 1 - kinds)
    return (equal < agreed_BCgk.shape[1] - 0.5).to(equal.dtype)


def pair_agreement(logits_BNN: Tensor, agreed_BCgk: Tensor, known_B: Tensor, valid_Bgk: Tensor) -> Tensor:
    """Mean cross entropy of pairs with `different_kinds`, over valid pairs of known pictures; 0 without any.

    Args:
        logits_BNN: positive where two places are taken to be of different kinds.
        agreed_BCgk: from `agreed_map`, on the grid of the pairs.
        known_B: bool, pictures of which all tags are known.
        valid_Bgk: bool, places inside the picture.

    Raises:
        ValueError: pairs of another grid than the map's.
    """
    valid_BN = valid_Bgk.flatten(1) & known_B[:, None]
    if logits_BNN.shape[1:] != (valid_BN.shape[1],) * 2:
        raise ValueError("the pairs must be of the places of the map: bring both to one grid")
    counted = valid_BN[:, :, None] & valid_BN[:, None, :]
    goal = different_kinds(agreed_BCgk).to(logits_BNN.dtype)
    energy = F.binary_cross_entropy_with_logits(logits_BNN, goal, reduction="none")
    return (energy * counted).sum() / counted.sum().clamp(min=1)
