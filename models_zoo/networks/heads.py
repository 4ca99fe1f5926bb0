"""Heads: from decoder features to one logit a class."""

from __future__ import annotations

from torch import Tensor, nn


class SegmentationHead(nn.Module):
    """A 1x1 convolution; (B, D, H, W) -> (B, C, H, W)."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.classify = nn.Conv2d(width, num_classes, 1)
        nn.init.normal_(self.classify.weight, std=0.01)
        assert self.classify.bias is not None
        nn.init.zeros_(self.classify.bias)

    def forward(self, features_BDHW: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.classify(features_BDHW)
        return logits
