"""Refiners on batches of tensors, for pseudo-labels during training. PAR has its own such form in `polish/par.py`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models_zoo.refiners.running import refine_scores


@torch.no_grad()
def refine_batch(name: str, rgb_BCHW: Tensor, scores_BCHW: Tensor, fixed_BCHW: Tensor, excluded_BCHW: Tensor) -> Tensor:
    """Refine image by image on the CPU; arguments and result as `refine_scores` has them, pictures in 0..1."""
    pictures = (rgb_BCHW.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    made = [
        refine_scores(
            name,
            np.ascontiguousarray(picture),
            scores.float().cpu().numpy(),
            fixed=fixed.float().cpu().numpy(),
            excluded=excluded.cpu().numpy(),
        )
        for picture, scores, fixed, excluded in zip(pictures, scores_BCHW, fixed_BCHW, excluded_BCHW, strict=True)
    ]
    return torch.from_numpy(np.stack(made)).to(scores_BCHW)
