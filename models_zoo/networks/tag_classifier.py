"""A classifier of whole images whose answer can be traced back to places.

Shape letters: B batch, C classes, D channels, H height, W width; h = H / 16, w = W / 16.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from models_zoo.networks.encoders import Encoder

MAP_STRIDE = 16


class TagClassifier(nn.Module):
    """Encoder without its last stride, mean over places, one linear logit a class and no bias.

    Mean and linear map commute: a logit is the mean of its class map (`class_maps`) exactly.
    """

    def __init__(self, encoder: Encoder, num_classes: int, *, joined: int = 1) -> None:
        """Takes the encoder over and changes its last map; give it one of its own.

        ``joined`` is how many last maps a subclass puts side by side under 32.
        """
        super().__init__()
        self.encoder = encoder
        encoder.keep_resolution()
        self.classify = nn.Conv2d(joined * encoder.channels[32], num_classes, 1, bias=False)
        nn.init.normal_(self.classify.weight, std=0.01)

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """Normalised images (B, 3, H, W) -> logits (B, C) and what each stage of the encoder gives (`Encoder.chain`).

        What is called 32 is of stride 16 like what is called 16.
        """
        layers, _ = self.encoder.chain(images_BCHW)
        return self.class_maps(layers).mean(dim=(2, 3)), layers

    def class_maps(self, layers: Mapping[int, Tensor]) -> Tensor:
        """CAM before its ReLU: sum_k w_ck f_k(x), (B, C, h, w)."""
        maps: Tensor = self.classify(layers[32])
        return maps
