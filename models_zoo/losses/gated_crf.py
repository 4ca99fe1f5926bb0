"""Gated CRF loss: neighbours of like colour should be labelled alike (Obukhov et al. 2019).

Shape letters: B batch, C classes, H height, W width, O offsets.

Energy: L = (1/Z) sum_i sum_o K(i, i+o) (1 - sum_c P_i(c) P_{i+o}(c)), K = exp(-|xy|^2 / 2 sxy^2
- |rgb|^2 / 2 srgb^2), over pairs of valid pixels; Z = valid pixels. Instead of all (2r+1)^2 offsets, rings of
eight directions at growing distance are used: the same reach for a fraction of the cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

RING_RADII = (1, 2, 4)


def half_plane_offsets(radii: Sequence[int] = RING_RADII) -> tuple[tuple[int, int], ...]:
    """One (dy, dx) of each opposite pair, eight directions a radius: K is symmetric, so half suffice."""
    return tuple((dy * r, dx * r) for r in radii for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)))


def gated_crf(
    probs_BCHW: Tensor,
    rgb_BCHW: Tensor,
    valid_BHW: Tensor,
    *,
    sigma_rgb: float = 0.1,
    sigma_xy: float = 3.0,
    radii: Sequence[int] = RING_RADII,
) -> Tensor:
    """Scalar loss >= 0; 0 for one class everywhere; no NaN when no pixel is valid.

    Args:
        probs_BCHW: class probabilities, summing to 1.
        rgb_BCHW: image in 0..1 at the same size.
        valid_BHW: bool, pixels inside the image (padding neither sends nor receives).
        sigma_rgb: colour distance (0..1) that halves affinity, roughly.
        sigma_xy: the same for distance in pixels of this grid.
        radii: distances of the rings of neighbours.
    """
    offsets = half_plane_offsets(radii)
    kernels = [_affinity(rgb_BCHW, valid_BHW, offset, sigma_rgb, sigma_xy) for offset in offsets]
    loss: Tensor = _PottsEnergy.apply(probs_BCHW, offsets, *kernels)
    return loss / valid_BHW.sum().clamp(min=1)


def _slices(offset: tuple[int, int], height: int, width: int) -> tuple[Any, Any]:
    """Index pairs (here, there) such that x[..., here] and x[..., there] are `offset` apart."""
    dy, dx = offset
    here = (..., slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
    there = (..., slice(dy, height), slice(max(0, dx), width - max(0, -dx)))
    return here, there


@torch.no_grad()
def _affinity(
    rgb_BCHW: Tensor, valid_BHW: Tensor, offset: tuple[int, int], sigma_rgb: float, sigma_xy: float
) -> Tensor:
    """K between each pixel and the one `offset` away, (B, H - |dy|, W - |dx|)."""
    here, there = _slices(offset, *rgb_BCHW.shape[-2:])
    colour = (rgb_BCHW[here] - rgb_BCHW[there]).square().sum(dim=1) / (2 * sigma_rgb**2)
    distance = (offset[0] ** 2 + offset[1] ** 2) / (2 * sigma_xy**2)
    return torch.exp(-colour) * math.exp(-distance) * (valid_BHW[here] & valid_BHW[there])


class _PottsEnergy(torch.autograd.Function):
    """sum over pairs of 2 K (1 - <P_i, P_j>); its gradient needs only the filtered P, so nothing else is kept."""

    @staticmethod
    def forward(ctx: Any, probs: Tensor, offsets: Sequence[tuple[int, int]], *kernels: Tensor) -> Tensor:
        """Energy as a scalar; keeps the filtered probabilities."""
        filtered = torch.zeros_like(probs)
        mass = probs.new_zeros(())
        for offset, kernel in zip(offsets, kernels, strict=True):
            here, there = _slices(offset, *probs.shape[-2:])
            weight = kernel.unsqueeze(1).to(probs.dtype)
            filtered[here] += weight * probs[there]
            filtered[there] += weight * probs[here]
            mass = mass + 2 * weight.sum()
        ctx.save_for_backward(filtered)
        return mass - (probs * filtered).sum()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """-2 times the filtered probabilities; image and offsets get no gradient."""
        (filtered,) = ctx.saved_tensors
        grads: tuple[Tensor | None, ...] = (-2 * grad_outputs[0] * filtered, None)
        return grads + (None,) * (len(ctx.needs_input_grad) - 2)
