"""What a class looks like on average, and which cells of a picture are rather the background.

SeaFeats (Raine et al., WACV 2024): the template t_c of a class is the mean of the unit features of all cells of all
pictures labelled with it. A cell x of a picture of class c is background where cos(x, t_0) > cos(x, t_c) and
cos(x, t_0) is above a threshold; all others are c.

Shape letters: B batch, C classes, D channels; g rows and k columns of cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.marks import IGNORE

DECAY = 0.98
"""Of the running means a step: features move while they learn, and what lies 50 steps back counts for a third."""
QUANTILE = 0.2
"""Cells less like the background's template than this share of the pure background are not taken for background."""
_UNSEEN = -2.0
"""Below any cosine: a class without a template is unlike everything."""


class Templates(nn.Module):
    """Running means of unit features a class, and how like its template pure background is; part of the checkpoint."""

    def __init__(self, num_classes: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("sums_CD", torch.zeros(num_classes, channels))
        self.register_buffer("mass_C", torch.zeros(num_classes))
        self.register_buffer("likeness", torch.tensor(_UNSEEN))

    @torch.no_grad()
    def update(self, units_BDgk: Tensor, members_BCgk: Tensor, background: int | None) -> None:
        """Take a batch in.

        Args:
            units_BDgk: features of length 1.
            members_BCgk: how much each cell belongs to each class; 0 everywhere teaches nothing.
            background: position of the background class, whose likeness is followed; None: there is none.
        """
        sums_CD, mass_C = self.get_buffer("sums_CD"), self.get_buffer("mass_C")
        added_C = members_BCgk.sum(dim=(0, 2, 3))
        kept_C = torch.where(added_C > 0, DECAY, 1.0)
        sums_CD.mul_(kept_C[:, None]).add_(torch.einsum("bcgk,bdgk->cd", members_BCgk, units_BDgk))
        mass_C.mul_(kept_C).add_(added_C)
        if background is None or not added_C[background]:
            return
        ground = members_BCgk[:, background] > 0.5
        if ground.any():
            low = torch.quantile(self.cosines(units_BDgk)[:, background][ground], QUANTILE)
            likeness = self.get_buffer("likeness")
            likeness.copy_(low if likeness == _UNSEEN else DECAY * likeness + (1 - DECAY) * low)

    def cosines(self, units_BDgk: Tensor) -> Tensor:
        """Cosine of each cell with each class's template, (B, C, g, k); -2 for a class never met."""
        mean_CD = F.normalize(self.get_buffer("sums_CD"), dim=1)
        found = torch.einsum("bdgk,cd->bcgk", units_BDgk, mean_CD)
        return found.masked_fill((self.get_buffer("mass_C") == 0)[None, :, None, None], _UNSEEN)


def template_labels(
    cosines_BCgk: Tensor, present_BC: Tensor, pure_B: Tensor, *, threshold: float | Tensor, background: int | None
) -> Tensor:
    """Labels of cells, class positions (B, g, k); `IGNORE` in pictures of which nothing is known.

    Args:
        cosines_BCgk: of cells and templates.
        present_BC: bool, classes a picture shows, without the background. Of several a cell takes the most alike.
        pure_B: bool, pictures known to show background only: all of their cells are.
        threshold: cosine that background must pass.
        background: its position; None: every cell of a picture is of one of its classes.
    """
    own_BCgk = cosines_BCgk.masked_fill(~present_BC[:, :, None, None], -torch.inf)
    best_Bgk, labels_Bgk = own_BCgk.max(dim=1)
    labels_Bgk = labels_Bgk.masked_fill(~present_BC.any(dim=1)[:, None, None], IGNORE)
    if background is None:
        return labels_Bgk
    ground_Bgk = cosines_BCgk[:, background]
    is_ground = (ground_Bgk > best_Bgk) & (ground_Bgk > threshold) & present_BC.any(dim=1)[:, None, None]
    return labels_Bgk.masked_fill(is_ground | pure_B[:, None, None], background)
