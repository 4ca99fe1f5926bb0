"""The generator of foreground maps, and the classifier asked what it still sees without the foreground.

Shape letters: B batch, C classes, D channels; h = H / 16, w = W / 16.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models_zoo.networks.tag_classifier import TagClassifier

GENERATOR_STRIDE = 16
"""Maps are made of, and erased from, the features of this stride; one stage of the encoder comes after them."""


class MapGenerator(nn.Module):
    """A 3x3 convolution without bias and a sigmoid: features (B, D, h, w) -> maps (B, C, h, w) in 0..1."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, num_classes, 3, padding=1, bias=False)

    def forward(self, features_BDhw: Tensor) -> Tensor:
        """One foreground map a class."""
        return torch.sigmoid(self.conv(features_BDhw).float())


def erased_logits(classifier: TagClassifier, layer_BDhw: Tensor, maps_Bhw: Tensor) -> Tensor:
    """Logits (B, C) of what a foreground map leaves of the features of stride 16.

    The gradient reaches the maps only: the features are given, and the classifier is asked as it is and learns nothing,
    not even running statistics.
    """
    rest = _Rest(classifier)
    state = {name: parameter.detach() for name, parameter in rest.named_parameters()}
    state |= {name: buffer.clone() for name, buffer in rest.named_buffers()}
    left_BDhw = layer_BDhw.detach() * (1 - maps_Bhw[:, None])
    logits_BC: Tensor = torch.func.functional_call(rest, state, (left_BDhw,))
    return logits_BC


class _Rest(nn.Module):
    """A classifier from the features of stride 16 on."""

    def __init__(self, classifier: TagClassifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, layer_BDhw: Tensor) -> Tensor:
        layers = self.classifier.encoder.onward(layer_BDhw, after=GENERATOR_STRIDE)
        return self.classifier.class_maps(layers).mean(dim=(2, 3))
