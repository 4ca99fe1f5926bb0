"""From places and texts to class maps, and how these spread to places that look at each other (ExCEL).

Shape letters: B batch, C classes, E shared channels, L layers, N places (h * w, row by row), T texts; h rows and w
columns.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.seeds.boxes import region_boxes

_SHARPNESS = 2.0
_LAST = 6
"""Of so many last layers the attention says where maps spread."""
_ROUNDS = 3
_EPS = 1e-6


def even_channels(places_BEhw: Tensor) -> Tensor:
    """Each channel of length 1 over a picture's places, as in the published code, so that none drowns the others."""
    return F.normalize(places_BEhw.flatten(2), dim=2).reshape(places_BEhw.shape)


def text_scores(places_BEhw: Tensor, texts_TE: Tensor, picture_BE: Tensor) -> Tensor:
    """How much a place is like each text, less what it is like all of them, (B, T, h, w).

    Texts that suit the picture as a whole count more: with w the softmax of 2 x cosine over the texts, divided by its
    mean, a score is w_t f . t - mean over t' of w_t' f . t' (CLIP Surgery; the published sum over channels of products
    less their mean over the classes is this).
    """
    weight_BT = torch.softmax(_SHARPNESS * picture_BE @ texts_TE.T, dim=1)
    weight_BT = weight_BT / weight_BT.mean(dim=1, keepdim=True)
    scores = torch.einsum("behw,te->bthw", places_BEhw, texts_TE) * weight_BT[:, :, None, None]
    return scores - scores.mean(dim=1, keepdim=True)


def spreading_attention(attention_LBNN: Tensor, relation_BNN: Tensor | None = None) -> Tensor:
    """Which places share their maps, (B, N, N): the mean of the last layers.

    With a learnt relation (0..1): of all layers those whose summed difference to it is at most the mean over layers,
    averaged and multiplied by it.
    """
    if relation_BNN is None:
        return attention_LBNN[-_LAST:].mean(dim=0)
    excess_LB = (relation_BNN - attention_LBNN).sum(dim=(2, 3))
    # A sum is never above a mean in all layers but for rounding.
    kept_LB = excess_LB <= excess_LB.mean(dim=0) + _EPS * excess_LB.abs().amax(dim=0)
    weight_LB = kept_LB / kept_LB.sum(dim=0)
    return torch.einsum("lb,lbnm->bnm", weight_LB, attention_LBNN) * relation_BNN


def transition(attention_BNN: Tensor) -> Tensor:
    """A symmetric step between places whose rows sum to about 1, (B, N, N).

    Columns, then rows are normalised, three times; then the mean with its transpose, squared.
    """
    step = attention_BNN
    for _ in range(_ROUNDS):
        step = step / step.sum(dim=1, keepdim=True).clamp(min=_EPS)
        step = step / step.sum(dim=2, keepdim=True).clamp(min=_EPS)
    step = (step + step.transpose(1, 2)) / 2
    return step @ step


def inside_boxes(maps_BChw: Tensor, height: float) -> Tensor:
    """Bool (B, C, h, w): places in the boxes round the regions at or above that share of each map's peak."""
    peak = maps_BChw.amax(dim=(2, 3), keepdim=True)
    above = ((maps_BChw >= height * peak) & (peak > 0)).cpu().numpy()
    inside = np.zeros_like(above)
    for number, position in zip(*np.nonzero(above.any(axis=(2, 3))), strict=True):
        for left, top, right, bottom in region_boxes(above[number, position]):
            inside[number, position, int(top) : int(bottom), int(left) : int(right)] = True
    return torch.from_numpy(inside).to(maps_BChw.device)


def spread(maps_BChw: Tensor, step_BNN: Tensor, inside_BChw: Tensor) -> Tensor:
    """What every place gets of the maps inside the boxes, (B, C, h, w)."""
    held_BCN = (maps_BChw * inside_BChw).flatten(2)
    return (held_BCN @ step_BNN.transpose(1, 2)).reshape(maps_BChw.shape)
