"""What two views of the same thing have in common, against everything else (NT-Xent of SimCLR).

Chen et al., ICML 2020 (arXiv 2002.05709), eq. 1: of 2N vectors each has one partner, the other view of the same thing.
L = mean over all 2N of -log( exp(cos(z_i, z_partner) / T) / sum over k != i of exp(cos(z_i, z_k) / T) ).

Shape letters: N things, D channels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def nt_xent(first_ND: Tensor, second_ND: Tensor, *, temperature: float) -> Tensor:
    """The loss above, a scalar; 0 for a single thing, which has nothing to be told from.

    Args:
        first_ND, second_ND: row n of both are two views of thing n; of any length, only directions count.
        temperature: T; lower looks at the most alike of the others only.

    Raises:
        ValueError: views that do not pair up, or a temperature that is not positive.
    """
    if first_ND.shape != second_ND.shape:
        raise ValueError("the contrastive loss needs as many second views as first ones")
    if temperature <= 0:
        raise ValueError("the temperature must be above 0")
    count = len(first_ND)
    if count < 2:
        return (first_ND * 0).sum()
    unit = F.normalize(torch.cat([first_ND, second_ND]), dim=1)
    scores = unit @ unit.T / temperature
    itself = torch.eye(2 * count, dtype=torch.bool, device=unit.device)
    partner = torch.arange(2 * count, device=unit.device).roll(count)
    return F.cross_entropy(scores.masked_fill(itself, -torch.inf), partner)
