"""A mixture of one Gaussian a class in an image, and what it and a network teach each other (AGMM).

Wu et al., CVPR 2023, and its extension (arXiv 2403.13225). With features F and the cells labelled c in an image:

* mu_c = mean of F over those cells; d_c(x) = mean over channels of |F(x) - mu_c|; G_c(x) = exp(-d_c^2 / 2 s_c^2);
* mixture loss = 1/2 BCE(target G, network p) over all cells + 1/2 BCE(target label, G) over labelled cells, each the
  mean over the classes that are labelled in the image; the first half only where there are two or more;
* separation = mean over pairs of classes of exp(-(mean over channels of |m_i - m_j|)^2), m_c the mean over images.

The published code holds 2 s^2 = 1. Here a few rounds of EM may move means and spreads to the cells nobody labelled.

Shape letters: B batch, C classes, D features, H height, W width, N = H W.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

START_VARIANCE = 0.5
_LEAST_VARIANCE = 1e-2
_EPS = 1e-6


@dataclass(frozen=True)
class Mixture:
    """The Gaussians of every image of a batch.

    Attributes:
        means_BCD: 0 for classes that are not labelled in the image.
        variances_BC: s^2, at least 0.01; no gradient.
        occurs_BC: bool, labelled in the image.
    """

    means_BCD: Tensor
    variances_BC: Tensor
    occurs_BC: Tensor


def fit_mixture(
    features_BDHW: Tensor, labels_BCHW: Tensor, valid_BHW: Tensor, *, rounds: int = 0, momentum: float = 0.5
) -> Mixture:
    """Means of what is labelled, then ``rounds`` of EM over all valid cells.

    E: a valid cell belongs to class c by (1 / s_c) exp(-d_c^2 / 2 s_c^2), normalised; labelled cells keep their labels.
    M: mu_c and s_c^2 = mean of d_c^2 by these shares, each mixed with what it was. Gradients pass through the means of
    the labelled cells only; where EM moved them to is a constant shift.

    Args:
        features_BDHW: float.
        labels_BCHW: shares of each cell, 0..1 and at most 1 in sum; 0 everywhere means unlabelled.
        valid_BHW: bool, cells inside the image.
        rounds: of EM; 0 is the published code: labelled means and 2 s^2 = 1.
        momentum: how much of means and variances is kept in a round, 0..1.

    Raises:
        ValueError: features and labels of different sizes.
    """
    if features_BDHW.shape[-2:] != labels_BCHW.shape[-2:] or labels_BCHW[:, 0].shape != valid_BHW.shape:
        raise ValueError("the mixture needs features, labels and valid cells of one size: resize them")
    features_BND = features_BDHW.flatten(2).transpose(1, 2)
    labels_BCN = labels_BCHW.flatten(2).to(features_BND.dtype)
    occurs_BC = labels_BCN.sum(dim=2) > 0
    means_BCD = _means(labels_BCN, features_BND)
    variances_BC = torch.full_like(labels_BCN[:, :, 0], START_VARIANCE)
    with torch.no_grad():
        held_BCD = means_BCD.detach()
        valid_B1N = valid_BHW.flatten(1)[:, None].to(features_BND.dtype)
        for _ in range(rounds):
            shares_BCN = _shares(held_BCD, variances_BC, features_BND, labels_BCN, occurs_BC) * valid_B1N
            held_BCD = torch.lerp(_means(shares_BCN, features_BND), held_BCD, momentum)
            square_BCN = _distances(features_BND, held_BCD).square()
            found_BC = (shares_BCN * square_BCN).sum(dim=2) / shares_BCN.sum(dim=2).clamp(min=_EPS)
            variances_BC = torch.lerp(found_BC, variances_BC, momentum).clamp(min=_LEAST_VARIANCE)
        shift_BCD = held_BCD - means_BCD
    return Mixture(means_BCD + shift_BCD, variances_BC, occurs_BC)


def mixture_scores(mixture: Mixture, features_BDHW: Tensor) -> Tensor:
    """G (B, C, H, W) in 0..1; 0 for classes that are not labelled in the image."""
    distance_BCN = _distances(features_BDHW.flatten(2).transpose(1, 2), mixture.means_BCD)
    scores_BCN = torch.exp(-distance_BCN.square() / (2 * mixture.variances_BC[:, :, None]))
    scores_BCN = scores_BCN * mixture.occurs_BC[:, :, None]
    return scores_BCN.reshape(*scores_BCN.shape[:2], *features_BDHW.shape[-2:])


def mutual_supervision(probs_BCHW: Tensor, scores_BCHW: Tensor, occurs_BC: Tensor, valid_BHW: Tensor) -> Tensor:
    """1/2 BCE(target G, p): mixture and network teach each other about all valid cells; 0 without labelled classes.

    Images with one labelled class do not count: with no other class to compete with, it would claim nearly everything.

    Args:
        probs_BCHW: the network's probabilities.
        scores_BCHW: G; detach it to let the mixture teach only.
        occurs_BC: classes that count in each image.
        valid_BHW: bool, cells inside the image.
    """
    compete_BC = occurs_BC & (occurs_BC.sum(dim=1, keepdim=True) > 1)
    return _image_mean(_bce(scores_BCHW, probs_BCHW), compete_BC, valid_BHW.to(probs_BCHW.dtype)) / 2


def labelled_scores(scores_BCHW: Tensor, labels_BCHW: Tensor, occurs_BC: Tensor) -> Tensor:
    """1/2 BCE(target label, G) over labelled cells, which makes features of one class alike; 0 without labels.

    Args:
        scores_BCHW: G.
        labels_BCHW: as for `fit_mixture`.
        occurs_BC: classes that count in each image.
    """
    mass_BHW = labels_BCHW.sum(dim=1)
    goal_BCHW = labels_BCHW / mass_BHW[:, None].clamp(min=_EPS)
    return _image_mean(_bce(goal_BCHW, scores_BCHW), occurs_BC, mass_BHW) / 2


def class_separation(means_BCD: Tensor, occurs_BC: Tensor) -> Tensor:
    """Mean over pairs of the batch's classes of exp(-d^2), in 0..1: 1 for equal means; 0 with fewer than two classes.

    Args:
        means_BCD: of each image.
        occurs_BC: bool, images whose mean of a class counts.
    """
    counts_C = occurs_BC.sum(dim=0)
    means_CD = (means_BCD * occurs_BC[:, :, None]).sum(dim=0) / counts_C.clamp(min=1)[:, None]
    found_KD = means_CD[counts_C > 0]
    first, second = torch.triu_indices(len(found_KD), len(found_KD), offset=1, device=found_KD.device)
    distance = (found_KD[first] - found_KD[second]).abs().mean(dim=1)
    return torch.exp(-distance.square()).sum() / max(1, len(first))


def _means(weights_BCN: Tensor, features_BND: Tensor) -> Tensor:
    """Weighted means (B, C, D); 0 where all weights are."""
    return weights_BCN @ features_BND / weights_BCN.sum(dim=2, keepdim=True).clamp(min=_EPS)


def _distances(features_BND: Tensor, means_BCD: Tensor) -> Tensor:
    """Mean absolute difference over channels (B, C, N); a class at a time, as (B, C, N, D) would not fit."""
    return torch.stack(
        [(features_BND - mean_BD[:, None]).abs().mean(dim=2) for mean_BD in means_BCD.unbind(dim=1)], dim=1
    )


def _shares(
    means_BCD: Tensor, variances_BC: Tensor, features_BND: Tensor, labels_BCN: Tensor, occurs_BC: Tensor
) -> Tensor:
    """The E step, (B, C, N): summing to 1 over the classes that occur, labelled cells as labelled."""
    square_BCN = _distances(features_BND, means_BCD).square()
    energy_BCN = -square_BCN / (2 * variances_BC[:, :, None]) - variances_BC.log()[:, :, None] / 2
    energy_BCN = energy_BCN.masked_fill(~occurs_BC[:, :, None], -torch.inf)
    mass_B1N = labels_BCN.sum(dim=1, keepdim=True)
    # Images without any label have nothing to share.
    believed_BCN = torch.softmax(energy_BCN, dim=1).nan_to_num(0.0)
    return torch.where(mass_B1N > 0, labels_BCN / mass_B1N.clamp(min=_EPS), believed_BCN)


def _bce(goal: Tensor, probs: Tensor) -> Tensor:
    """-g log p - (1 - g) log(1 - p), with logarithms held finite."""
    return -goal * torch.log(probs.clamp(min=_EPS)) - (1 - goal) * torch.log((1 - probs).clamp(min=_EPS))


def _image_mean(energy_BCHW: Tensor, occurs_BC: Tensor, weights_BHW: Tensor) -> Tensor:
    """Mean over weighted cells and classes that occur, then over images that have both; 0 without such."""
    weights_BCHW = weights_BHW[:, None] * occurs_BC[:, :, None, None]
    total_B = weights_BCHW.sum(dim=(1, 2, 3))
    energy_B = (energy_BCHW * weights_BCHW).sum(dim=(1, 2, 3)) / total_B.clamp(min=_EPS)
    return energy_B.sum() / (total_B > 0).sum().clamp(min=1)
