"""From the tiles of a picture to its tags: the most telling tile, and what is like it (DSMIL).

Li, Li and Eliceiri, CVPR 2021 (arXiv 2011.08939), as Self-ViT-MIL (Gul et al., 2022) uses it. With tiles h_i: scores
c_i = W0 h_i; the critical tile of a class is m = argmax_i c_i; a_i = softmax_i(q_i . q_m / sqrt(width)) with q = Wq h;
the bag is sum_i a_i v_i with v = Wv h, and one linear map over the bags of all classes gives the logits.

Shape letters: B bags, N tiles, K channels of a tile, C classes, Q width of the queries.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

QUERY_WIDTH = 128
DROPOUT = 0.2
TOP_SHARE = 0.01
"""Of the tiles of a bag, at least one, whose scores speak for it: steadier in large bags than the single highest."""
NARROWED_BY = 0.3
"""Share of the training in which it falls to that."""


class BagAnswer(NamedTuple):
    """What is seen in each bag.

    Attributes:
        scores_BNC: logit of each tile.
        attention_BNC: how like the critical tile of a class each tile is, summing to 1 over the tiles that count.
        bags_BCK: sum of the tiles' values by attention.
        logits_BC: of the bags.
    """

    scores_BNC: Tensor
    attention_BNC: Tensor
    bags_BCK: Tensor
    logits_BC: Tensor


class DualStream(nn.Module):
    """Both streams: scores of tiles, and bags by attention. The order of tiles says nothing."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.score = nn.Linear(channels, num_classes)
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.zeros_(self.score.bias)
        self.query = nn.Linear(channels, QUERY_WIDTH)
        self.value = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(channels, channels))
        self.bag = nn.Linear(num_classes * channels, num_classes)

    def forward(self, tiles_BNK: Tensor, counts_BN: Tensor) -> BagAnswer:
        """The answer for bags of tiles.

        Args:
            tiles_BNK: embeddings.
            counts_BN: bool, tiles that belong to the bag; at least one of each bag.
        """
        tiles_BNK = self.norm(tiles_BNK.float())
        scores_BNC: Tensor = self.score(tiles_BNK).float()
        left_out = ~counts_BN[:, :, None]
        critical_BC = scores_BNC.masked_fill(left_out, -torch.inf).argmax(dim=1)
        queries_BNQ: Tensor = self.query(tiles_BNK).float()
        telling_BCQ = queries_BNQ.gather(1, critical_BC[:, :, None].expand(-1, -1, QUERY_WIDTH))
        alike_BNC = torch.einsum("bnq,bcq->bnc", queries_BNQ, telling_BCQ) / math.sqrt(QUERY_WIDTH)
        attention_BNC = torch.softmax(alike_BNC.masked_fill(left_out, -torch.inf), dim=1)
        bags_BCK = torch.einsum("bnc,bnk->bck", attention_BNC, self.value(tiles_BNK).float())
        return BagAnswer(scores_BNC, attention_BNC, bags_BCK, self.bag(bags_BCK.flatten(1)).float())


def speaking_share(progress: float) -> float:
    """Share of a bag's tiles that speak for it: all at first, fewer and fewer, at last `TOP_SHARE`.

    The highest tile of a network that knows nothing is any tile, and it may never find a better one. The mean of all
    tiles finds out which direction tells, and the highest ones then where.
    """
    return max(TOP_SHARE, 1 - progress / NARROWED_BY)


def top_scores(scores_BNC: Tensor, counts_BN: Tensor, *, share: float = TOP_SHARE) -> Tensor:
    """Mean of the highest scores of each bag, (B, C): that share of its tiles, at least one.

    Args:
        scores_BNC: logits of tiles.
        counts_BN: bool, tiles that belong to the bag; at least one of each bag.
        share: of the tiles; 0 takes the highest alone.
    """
    ordered_BNC = scores_BNC.masked_fill(~counts_BN[:, :, None], -torch.inf).sort(dim=1, descending=True).values
    taken_B = (share * counts_BN.sum(dim=1)).round().clamp(min=1)
    is_top_BN = torch.arange(scores_BNC.shape[1], device=scores_BNC.device) < taken_B[:, None]
    return ordered_BNC.masked_fill(~is_top_BN[:, :, None], 0.0).sum(dim=1) / taken_B[:, None]
