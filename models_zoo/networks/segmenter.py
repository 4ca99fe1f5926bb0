"""The segmenter: encoder -> decoder -> head, logits at a quarter of the input size.

Shape letters: B batch, C classes, H height, W width.
"""

from __future__ import annotations

from torch import Tensor, nn

from models_zoo.networks.decoders import PyramidDecoder
from models_zoo.networks.encoders import Encoder
from models_zoo.networks.heads import SegmentationHead

OUTPUT_STRIDE = 4


class Segmenter(nn.Module):
    """Segmentation network for `num_classes` classes; input sizes must be multiples of 32."""

    def __init__(self, encoder: Encoder, num_classes: int, *, nested_sigma: float | None = None) -> None:
        """`nested_sigma`: see `SegmentationHead`."""
        super().__init__()
        self.encoder = encoder
        self.decoder = PyramidDecoder(encoder.channels)
        self.head = SegmentationHead(self.decoder.width, num_classes, nested_sigma=nested_sigma)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) -> logits (B, C, H/4, W/4)."""
        logits: Tensor = self.head(self.features(images_BCHW))
        return logits

    def features(self, images_BCHW: Tensor) -> Tensor:
        """What the head reads, (B, D, H/4, W/4), D the decoder's width."""
        features: Tensor = self.decoder(self.encoder(images_BCHW))
        return features
