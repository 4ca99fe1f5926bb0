"""PAR (see `polish/par.py`) and its forerunner PAMR as refiners.

PAMR (Araslanov and Roth, CVPR 2020): w_ij = softmax_j of the channels' mean of -|I_j - I_i| / (0.1 sd_i), the
spread taken over the neighbours and the pixel itself; M_i <- sum_j w_ij M_j, ten times. Against PAR there is no
square, no term for distance, and ten times the sharpness.
Shape letters: B batch, C channels or classes, H height, W width, N neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models_zoo.polish.par import DILATIONS, ITERATIONS, MIN_SPREAD, par, shifted, spread
from models_zoo.refiners.running import FloatArray, Held

_PAMR_SHARPNESS = 0.1


def par_refiner(
    rgb: npt.NDArray[np.uint8], scores: FloatArray, held: Held, features: FloatArray | None = None
) -> FloatArray:
    """PAR with its own settings; bit for bit what `par` gives."""
    return par(rgb, scores, fixed=held.fixed, excluded=held.excluded)


@torch.no_grad()
def pamr_refiner(
    rgb: npt.NDArray[np.uint8],
    scores: FloatArray,
    held: Held,
    features: FloatArray | None = None,
    *,
    iterations: int = ITERATIONS,
    dilations: Sequence[int] = DILATIONS,
) -> FloatArray:
    """Refine one picture; marked pixels are put back after every iteration."""
    picture = torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1))).float()[None] / 255.0
    weights_NBHW = pamr_affinities(picture, dilations)
    current = held.apply(scores)
    for _ in range(iterations):
        passed_on = spread(torch.from_numpy(current)[None], weights_NBHW, dilations)[0].numpy()
        current = held.apply(np.asarray(passed_on, np.float32))
    return current


def pamr_affinities(rgb_BCHW: Tensor, dilations: Sequence[int] = DILATIONS) -> Tensor:
    """Weights of the neighbours of every pixel, (N, B, H, W), summing to 1 over N."""
    neighbours_NBCHW = torch.stack(list(shifted(rgb_BCHW, dilations)))
    # The published code counts the centre once a dilation.
    with_centre = torch.cat([neighbours_NBCHW, rgb_BCHW[None].expand(len(dilations), *rgb_BCHW.shape)])
    spread_BCHW = with_centre.std(dim=0).clamp(min=MIN_SPREAD)
    distance_NBHW = ((neighbours_NBCHW - rgb_BCHW).abs() / (_PAMR_SHARPNESS * spread_BCHW)).mean(dim=2)
    return torch.softmax(-distance_NBHW, dim=0)
