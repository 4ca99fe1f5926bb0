"""Heads: from decoder features to one logit a class."""

from __future__ import annotations

from torch import Tensor, nn

from models_zoo.losses.nested_dropout import NestedDropout


class SegmentationHead(nn.Module):
    """A 1x1 convolution; (B, D, H, W) -> (B, C, H, W)."""

    def __init__(self, width: int, num_classes: int, *, nested_sigma: float | None = None) -> None:
        """`nested_sigma`: train on random prefixes of the features (nested dropout), without a bias."""
        super().__init__()
        self.order = nn.Identity() if nested_sigma is None else NestedDropout(width, sigma=nested_sigma)
        self.classify = nn.Conv2d(width, num_classes, 1, bias=nested_sigma is None)
        nn.init.normal_(self.classify.weight, std=0.01)
        if self.classify.bias is not None:
            nn.init.zeros_(self.classify.bias)

    def forward(self, features_BDHW: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.classify(self.order(features_BDHW))
        return logits
