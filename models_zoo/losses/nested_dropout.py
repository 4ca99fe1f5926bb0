"""Nested dropout: the classifier sees a random prefix of the feature channels (Chen et al., TNNLS 2022).

Wrong labels need many channels to be learnt; a random prefix, short more often than long, orders channels by how much
they matter, and the leading few suffice to predict. P(k) ~ exp(-((k - mu) / sigma)^2), k = 1..D, mu = 0.
Raw frozen channels have no order: put a linear layer that learns before this one.
Shape letters: B batch, N items, D channels, C classes, K = D prefixes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_PER_CHANNEL = 1e-5
"""What a channel must add to accuracy to be worth keeping."""


class NestedDropout(nn.Module):
    """In training, zero all channels after the k-th, one k a batch; in evaluation keep `prefix` (all at first)."""

    probabilities_D: Tensor

    def __init__(self, channels: int, *, sigma: float, mu: float = 0.0) -> None:
        """`sigma` is the one knob: 10 for ten classes, 100 for a hundred, of 512 channels."""
        super().__init__()
        if channels < 1 or sigma <= 0:
            raise ValueError("nested dropout needs at least one channel and a sigma above 0")
        self.prefix = channels
        self.register_buffer("probabilities_D", prefix_probabilities(channels, sigma=sigma, mu=mu), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Mask channels, dimension 1 of (B, D, ...)."""
        channels = len(self.probabilities_D)
        if features.ndim < 2 or features.shape[1] != channels:
            raise ValueError(f"nested dropout was made for {channels} channels in dimension 1, not {features.shape}")
        return features * prefix_mask(channels, self.sample() if self.training else self.prefix, like=features)

    def sample(self) -> int:
        """Draw k from torch's own generator, so that seeding and checkpoints of its state cover it."""
        return int(torch.multinomial(self.probabilities_D.cpu(), 1)) + 1

    def keep(self, prefix: int) -> None:
        """Evaluate with that many channels from now on."""
        if not 1 <= prefix <= len(self.probabilities_D):
            raise ValueError(f"the prefix must be 1 to {len(self.probabilities_D)}")
        self.prefix = prefix


def prefix_probabilities(channels: int, *, sigma: float, mu: float = 0.0) -> Tensor:
    """P(k) of k = 1..D, float64, summing to 1."""
    k = torch.arange(1, channels + 1, dtype=torch.float64)
    return torch.softmax(-(((k - mu) / sigma) ** 2), dim=0)


def prefix_mask(channels: int, prefix: int, *, like: Tensor) -> Tensor:
    """`prefix` ones and then zeros along dimension 1, of the type of `like` and fit to be multiplied with it."""
    ones = (torch.arange(channels, device=like.device) < prefix).to(like.dtype)
    return ones.view(1, -1, *([1] * (like.ndim - 2)))


def prefix_logits(features_ND: Tensor, weight_CD: Tensor) -> Tensor:
    """Logits of a classifier without bias for every prefix, (K, N, C), in one pass."""
    return (features_ND.T.unsqueeze(2) * weight_CD.T.unsqueeze(1)).cumsum(dim=0)


@torch.no_grad()
def best_prefix(features_ND: Tensor, weight_CD: Tensor, labels_N: Tensor) -> int:
    """The k with the highest accuracy - 1e-5 k on clean items; ties go to fewer channels.

    Channels are added one at a time, so that memory does not grow with them. Raises ValueError without items.
    """
    if not len(features_ND) or len(features_ND) != len(labels_N):
        raise ValueError("choosing the prefix needs at least one item with a clean label")
    logits_NC = features_ND.new_zeros(len(features_ND), len(weight_CD), dtype=torch.float64)
    best, found = -1.0, 1
    for k, (feature_N, column_C) in enumerate(zip(features_ND.T, weight_CD.T, strict=True), start=1):
        logits_NC += feature_N.unsqueeze(1) * column_C
        worth = float((logits_NC.argmax(dim=1) == labels_N).double().mean()) - _PER_CHANNEL * k
        if worth > best + 1e-12:
            best, found = worth, k
    return found
