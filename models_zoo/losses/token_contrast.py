"""Contrast between tokens, after ToCo (Ru et al., CVPR 2023, arXiv 2303.01267).

* Patches: tokens of one label are to be alike, tokens of different ones are not.
* Pieces of a picture: those that may show its things are to be described as the whole is, those that show background
  are not.

Shape letters: B batch, D channels, N tokens, H height, W width; V views that teach, S views that learn.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.marks import IGNORE

_EPS = 1e-4
TEMPERATURE = 0.5


def patch_contrast(tokens_BDHW: Tensor, labels_BHW: Tensor) -> Tensor:
    """1/2 (1 - sum of S over pairs alike / (n + 1)) + 1/2 sum of S over pairs not alike / (m + 1); S = |cos|.

    Pairs are of two different tokens of one picture, n alike and m not, counted over the batch. Where nothing is
    labelled the loss is 1/2, without a gradient.

    Args:
        tokens_BDHW: float.
        labels_BHW: integer class positions, background included; pairs with an `IGNORE` (255) do not count.

    Raises:
        ValueError: labels of another size than the tokens.
    """
    if tokens_BDHW[:, 0].shape != labels_BHW.shape:
        raise ValueError("patch contrast needs one label a token")
    units_BDN = F.normalize(tokens_BDHW.flatten(2), dim=1)
    similar_BNN = (units_BDN.transpose(1, 2) @ units_BDN).abs()
    alike, unlike = label_pairs(labels_BHW.flatten(1))
    pulled = (similar_BNN * alike).sum() / (alike.sum() + 1)
    pushed = (similar_BNN * unlike).sum() / (unlike.sum() + 1)
    return (1 - pulled) / 2 + pushed / 2


def label_pairs(labels_BN: Tensor) -> tuple[Tensor, Tensor]:
    """(alike, unlike), bool (B, N, N) each and symmetric: pairs of different places that are both labelled."""
    known_BN = labels_BN != IGNORE
    others_NN = ~torch.eye(labels_BN.shape[1], dtype=torch.bool, device=labels_BN.device)
    counted = known_BN[:, :, None] & known_BN[:, None] & others_NN
    same = labels_BN[:, :, None] == labels_BN[:, None]
    return counted & same, counted & ~same


def piece_contrast(teaching_VBD: Tensor, learning_SBD: Tensor, positive_SB: Tensor, counted_B: Tensor) -> Tensor:
    """Mean over pictures, teaching views and positive views of -log(e+ / (e+ + sum of e- + 1e-4)).

    e = exp(z_t . z_s / 0.5), of a teaching and a learning view of one picture; e- of its negative views.

    Args:
        teaching_VBD: no gradient reaches them.
        learning_SBD: of whole pictures and of pieces.
        positive_SB: bool, which of those are to be alike.
        counted_B: bool, the pictures that take part; 0 without any.
    """
    scores_VSB = torch.einsum("vbd,sbd->vsb", teaching_VBD.detach(), learning_SBD) / TEMPERATURE
    alike_VSB = scores_VSB.exp()
    negative_V1B = (alike_VSB * ~positive_SB).sum(dim=1, keepdim=True)
    energy_VSB = torch.log(alike_VSB + negative_V1B + _EPS) - scores_VSB
    counted_SB = positive_SB & counted_B
    per_picture_VB = (energy_VSB * counted_SB).sum(dim=1) / counted_SB.sum(dim=0).clamp(min=1)
    return per_picture_VB.mean(dim=0).sum() / counted_SB.any(dim=0).sum().clamp(min=1)
