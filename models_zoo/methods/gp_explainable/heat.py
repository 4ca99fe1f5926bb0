"""The layer that pooling and heat maps share, and how heat becomes probabilities (Chatterjee et al., arXiv 2206.05148).

With features f_k: logit_c = b_c + sum_k w_ck pool_x f_k(x) and heat_c(x) = b_c + sum_k w_ck f_k(x), the same w and b.

Shape letters: B batch, C classes, K features, H height, W width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.segmenter import OUTPUT_STRIDE
from models_zoo.seeds.multi_otsu import top_threshold

LEAST_SHARE = 0.001
"""Smaller pieces of a mask, as a share of the picture, are dropped."""


class HeatNetwork(nn.Module):
    """A network of full resolution, pooling, and one linear layer used before and after it.

    Its buffer ``knows_places`` is part of its weights: marks have taught where heat ends, so that masks are cut at 0.
    """

    def __init__(self, network: nn.Module, width: int, num_classes: int, background: int | None) -> None:
        super().__init__()
        self.network = network
        self.classify = nn.Conv2d(width, num_classes, 1)
        self.background = background
        self.register_buffer("knows_places", torch.tensor(False))

    def features(self, rgb_BHWC: Tensor) -> Tensor:
        """uint8 pictures (B, H, W, 3), each divided by its highest value -> features (B, K, H, W)."""
        images_BCHW = rgb_BHWC.permute(0, 3, 1, 2).float()
        made: Tensor = self.network(images_BCHW / images_BCHW.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1))
        return made

    def logits(self, features_BKHW: Tensor, share: float, valid_BHW: Tensor | None = None) -> Tensor:
        """One logit a class (B, C) from pooled features; see `pool`."""
        made: Tensor = self.classify(pool(features_BKHW, share, valid_BHW)[:, :, None, None])
        return made[:, :, 0, 0].float()

    def heat(self, features_BKHW: Tensor) -> Tensor:
        """Heat (B, C, h, w): the mean over 4 x 4 places, which commutes with the layer."""
        made: Tensor = self.classify(F.avg_pool2d(features_BKHW, OUTPUT_STRIDE))
        return made.float()

    def with_rest(self, heat_BChw: Tensor) -> Tensor:
        """Logits of places: the background, if there is one, is the constant 0 that heat has to beat."""
        if self.background is None:
            return heat_BChw
        is_ground_C = torch.arange(heat_BChw.shape[1], device=heat_BChw.device) == self.background
        return heat_BChw.masked_fill(is_ground_C[None, :, None, None], 0.0)


def pool(features_BKHW: Tensor, share: float, valid_BHW: Tensor | None = None) -> Tensor:
    """Mean (B, K) of each feature's highest values over that share of the valid places, at least one: 0 is the maximum.

    A picture without a valid place is pooled as a whole.
    """
    pooled = []
    for number, features_KHW in enumerate(features_BKHW):
        places_KN = features_KHW.flatten(1)
        if valid_BHW is not None and valid_BHW[number].any():
            places_KN = places_KN[:, valid_BHW[number].flatten()]
        count = max(1, round(share * places_KN.shape[1]))
        pooled.append(places_KN.topk(count, dim=1).values.mean(dim=1))
    return torch.stack(pooled)


@torch.no_grad()
def masks_from_heat(heat_BChw: Tensor, logits_BC: Tensor, offset: float) -> Tensor:
    """Logits of places (B, C, h, w): above 0 where a class's mask is.

    A mask is what is hotter than max(0, t - offset), t the top threshold of three groups of the heat above 0. A place
    is no surer than the picture (logit), and pieces below `LEAST_SHARE` of the picture are turned round.

    Args:
        heat_BChw: of `HeatNetwork.heat`.
        logits_BC: of the same pictures.
        offset: in units of heat; infinity cuts at 0.
    """
    warm = torch.relu(heat_BChw)
    tops = torch.stack([torch.stack([top_threshold(one) for one in classes]) for classes in warm])
    margin = heat_BChw - torch.relu(tops - offset)[:, :, None, None]
    belief = torch.minimum(margin, logits_BC[:, :, None, None])
    return torch.where(_small_pieces(belief > 0), -belief, belief)


def _small_pieces(masks_BChw: Tensor) -> Tensor:
    """Where the pieces of masks (bool) are that are too small to keep."""
    found = torch.zeros_like(masks_BChw)
    least = LEAST_SHARE * masks_BChw.shape[-2] * masks_BChw.shape[-1]
    for image, position in torch.nonzero(masks_BChw.any(dim=3).any(dim=2)).tolist():
        mask = masks_BChw[image, position].cpu().numpy().astype(np.uint8)
        _, pieces, about, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        is_small = about[:, cv2.CC_STAT_AREA] < least
        is_small[0] = False
        found[image, position] = torch.from_numpy(is_small[pieces]).to(found.device)
    return found
