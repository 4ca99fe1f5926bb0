"""Image-level loss: a class tagged present must show up somewhere, one tagged absent nowhere.

Shape letters: B batch, C classes, H height, W width.
"""

from __future__ import annotations

from torch import Tensor

from models_zoo.losses.tags import tag_cross_entropy

TOP_SHARE = 0.05


def image_level(
    probs_BCHW: Tensor, present_BC: Tensor, absent_BC: Tensor, valid_BHW: Tensor, *, top_share: float = TOP_SHARE
) -> Tensor:
    """Binary cross entropy between tags and each class's mean probability over its surest cells.

    Pooling over the top share of cells lies between the maximum (one pixel would do) and the mean (the class
    would have to fill the image). Unknown classes (neither present nor absent) do not count.

    Args:
        probs_BCHW: class probabilities.
        present_BC: bool, tagged present (and visible in this crop).
        absent_BC: bool, tagged absent.
        valid_BHW: bool, cells inside the image.
        top_share: share of the cells that is pooled.

    Returns:
        Scalar mean over known tags; 0 without any.
    """
    return tag_cross_entropy(pool_top(probs_BCHW * valid_BHW.unsqueeze(1), top_share), present_BC, absent_BC)


def pool_top(probs_BCHW: Tensor, top_share: float = TOP_SHARE) -> Tensor:
    """(B, C): mean over the share of cells where a class is surest."""
    flat_BCN = probs_BCHW.flatten(2)
    count = max(1, round(top_share * flat_BCN.shape[-1]))
    return flat_BCN.topk(count, dim=-1).values.mean(dim=-1)
