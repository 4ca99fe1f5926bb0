"""Tree energy loss: a prediction should agree with itself averaged along the picture's tree (Liang et al., CVPR 2022).

L = (1/|U|) sum over unlabelled i of sum_c |P_i(c) - Y_i(c)|, Y = F_high(F_low(P)), F(P)_i = sum_j A_ij P_j / sum_j A_ij
with A_ij = exp(-sum of |dg|^2 / sigma) along the path between i and j in the minimum spanning tree of the guide g: the
colours first, the network's features after. The trees carry no gradient; the sums do, by P and, for the features, by
the edges' weights. Passes over the tree run on the CPU in NumPy, all nodes of one depth at once: a few ms for 64 x 64.
The paper weights the loss with 0.4 to 0.6 and adds it to partial cross entropy.

Shape letters: B batch, C classes, D features, H height, W width, N = H W.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models_zoo.refiners.spanning_tree import Tree, edge_gradient, from_root, towards_root
from models_zoo.refiners.tree_filter import IMAGENET_MEAN, IMAGENET_SPREAD, SIGMA, guide_tree


def tree_energy(
    probs_BCHW: Tensor,
    rgb_BCHW: Tensor,
    unlabelled_BHW: Tensor,
    features_BDHW: Tensor | None = None,
    *,
    valid_BHW: Tensor | None = None,
    sigma: float = SIGMA,
    hold_target: bool = False,
) -> Tensor:
    """Scalar >= 0; 0 when nothing is unlabelled.

    Args:
        probs_BCHW: class probabilities, summing to 1.
        rgb_BCHW: picture in 0..1 at the same size.
        unlabelled_BHW: bool, cells that count: neither labelled nor ignored.
        features_BDHW: the network's embedding at the same size; None leaves the second tree out.
        valid_BHW: bool, cells inside the picture; nothing passes between them and the padding. None: all.
        sigma: of the colours, which are standardised with ImageNet's spread.
        hold_target: send no gradient through Y, only through P.
    """
    if rgb_BCHW.shape[-2:] != probs_BCHW.shape[-2:] or unlabelled_BHW.shape[-2:] != probs_BCHW.shape[-2:]:
        raise ValueError("tree energy needs probabilities, picture and unlabelled cells of one size: resize them")
    mean, spread = (rgb_BCHW.new_tensor(part).view(1, 3, 1, 1) for part in (IMAGENET_MEAN, IMAGENET_SPREAD))
    # The passes over the tree know float32 and float64.
    probs_BCHW = probs_BCHW if probs_BCHW.dtype == torch.float64 else probs_BCHW.float()
    guide_BCHW = ((rgb_BCHW - mean) / spread).detach()
    target = tree_filter(probs_BCHW, guide_BCHW / sigma**0.5, valid_BHW)
    if features_BDHW is not None:
        target = tree_filter(target, features_BDHW, valid_BHW)
    if hold_target:
        target = target.detach()
    distance_BHW = (probs_BCHW - target).abs().sum(dim=1)
    return (distance_BHW * unlabelled_BHW).sum() / unlabelled_BHW.sum().clamp(min=1)


def tree_filter(probs_BCHW: Tensor, guide_BDHW: Tensor, valid_BHW: Tensor | None = None) -> Tensor:
    """F(P) along the guide's trees with A = exp(-sum of |dg|^2); sums over C stay as they are."""
    made = []
    for number, probs_CHW in enumerate(probs_BCHW):
        guide_DHW = guide_BDHW[number]
        valid_HW = None if valid_BHW is None else valid_BHW[number]
        tree, open_N = _tree(guide_DHW, valid_HW)
        order = torch.from_numpy(tree.order).to(probs_CHW.device)
        parent = torch.from_numpy(tree.parent).to(probs_CHW.device)
        guide_ND = guide_DHW.flatten(1).T[order]
        weights_N = torch.exp(-(guide_ND - guide_ND[parent]).square().sum(dim=1)).to(probs_CHW.dtype)
        weights_N = weights_N * torch.from_numpy(open_N).to(weights_N)
        values_NC = probs_CHW.flatten(1).T[order]
        padded = torch.cat([values_NC, torch.ones_like(values_NC[:, :1])], dim=1)
        whole: Tensor = _TreeSum.apply(padded, weights_N, tree)
        filtered_NC = torch.empty_like(values_NC).index_copy(0, order, whole[:, :-1] / whole[:, -1:])
        made.append(filtered_NC.T.reshape(probs_CHW.shape))
    return torch.stack(made)


def _tree(guide_DHW: Tensor, valid_HW: Tensor | None) -> tuple[Tree, npt.NDArray[np.float64]]:
    """The guide's tree, and 0 for edges between picture and padding, else 1, (N,)."""
    guide = guide_DHW.detach().double().cpu().numpy()
    if not np.isfinite(guide).all():
        raise ValueError("the guide of the tree energy holds NaN or infinity: the features have diverged")
    if valid_HW is None:
        tree = guide_tree(guide)
        return tree, np.ones(len(tree.order))
    valid = valid_HW.cpu().numpy().astype(np.bool_)
    # A step to the padding costs more than any path within the picture, so that the tree crosses over last.
    far = 1e3 * (1 + np.abs(guide).max())
    tree = guide_tree(np.concatenate([np.where(valid, guide, 0), np.where(valid, 0, far)[None]]))
    inside = valid.ravel()[tree.order]
    return tree, (inside == inside[tree.parent]).astype(np.float64)


class _TreeSum(torch.autograd.Function):
    """S_i = sum_j A_ij v_j for values (N, K) in the tree's order; A is symmetric, so its gradient is itself."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weights: Tensor, tree: Tree) -> Tensor:
        """Sums (N, K)."""
        edge = weights.detach().cpu().numpy()
        up = towards_root(tree, edge, values.detach().cpu().numpy())
        whole = from_root(tree, edge, up)
        ctx.tree, ctx.edge, ctx.sums = tree, edge, (up, whole)
        return torch.from_numpy(whole).to(values.device)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """By the values A g; by the edges' weights in closed form."""
        grad = grad_outputs[0]
        up = towards_root(ctx.tree, ctx.edge, grad.cpu().numpy())
        whole = from_root(ctx.tree, ctx.edge, up)
        edges = None
        if ctx.needs_input_grad[1]:
            edges = torch.from_numpy(edge_gradient(ctx.tree, ctx.edge, ctx.sums, (up, whole))).to(grad.device)
        return torch.from_numpy(whole).to(grad.device), edges, None
