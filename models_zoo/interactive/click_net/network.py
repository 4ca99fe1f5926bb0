"""The network: an image encoder with the clicks added behind its trunk, a light decoder, one logit a cell.

Sofiiuk, Petrov and Konushin (RITM), ICIP 2022: clicks and the previous mask come in by a few convolutions whose result
is *added*, nearly nothing at first, so that the encoder's trained weights stay valid. RITM adds it behind the first
convolution (stride 2); here it is behind the stages of strides 2 and 4, which then do not depend on clicks: they are
computed once an image, and where they are trained already, learning passes them by. It is added once more before the
head, on the output's own grid, so that a click settles what lies right under it. A vision transformer's trunk are its
embedded patches (stride 16), to which the clicks are added as SimpleClick does (Liu et al., ICCV 2023).

Shape letters: B batch, T trunk channels, H, W input, h = H / 4, w = W / 4 (both by 16 in a transformer's trunk).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.decoders import PyramidDecoder
from models_zoo.networks.encoders import Encoder
from models_zoo.networks.heads import SegmentationHead
from models_zoo.networks.segmenter import OUTPUT_STRIDE

WIDTH = 64
GUIDES = 3
"""Maps beside the picture: positive clicks, negative clicks, previous mask."""
_FUSION_START = 0.05
_MIDDLE = 16


class _Fusion(nn.Module):
    """Guides (B, 3, H, W) -> something to add to the trunk (B, T, h, w)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.reduce = stride // 4
        self.mix = nn.Conv2d(GUIDES, _MIDDLE, 1)
        self.shrink = nn.Conv2d(_MIDDLE, _MIDDLE, 3, stride=2, padding=1)
        self.match = nn.Conv2d(_MIDDLE, channels, 3, stride=2, padding=1)
        self.scale = nn.Parameter(torch.tensor(_FUSION_START))

    def forward(self, guides_B3HW: Tensor) -> Tensor:
        """Return what is to be added."""
        # The largest value, so that a click is as clear on a coarse trunk.
        guides = F.max_pool2d(guides_B3HW, self.reduce) if self.reduce > 1 else guides_B3HW
        x = F.leaky_relu(self.mix(guides), 0.2)
        added: Tensor = self.match(F.leaky_relu(self.shrink(x), 0.2)) * self.scale
        return added


class ClickNet(nn.Module):
    """Picture and guides in, logits of the clicked object out; input sizes must be multiples of 32."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.fusion = _Fusion(encoder.trunk_channels, encoder.trunk_stride)
        self.decoder = PyramidDecoder(encoder.channels, width=WIDTH)
        self.near = nn.Conv2d(GUIDES, WIDTH, 3, padding=1)
        self.join = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH, bias=False),
            nn.Conv2d(WIDTH, WIDTH, 1, bias=False),
            nn.GroupNorm(8, WIDTH),
            nn.ReLU(inplace=True),
        )
        self.head = SegmentationHead(WIDTH, 1)

    def trunk(self, images_BCHW: Tensor) -> Tensor:
        """What of normalised images (B, 3, H, W) does not depend on clicks: (B, T, h, w)."""
        return self.encoder.trunk(images_BCHW)

    def forward(self, trunk_BThw: Tensor, guides_B3HW: Tensor) -> Tensor:
        """The trunk and guides in 0..1 (B, 3, H, W) -> logits (B, h, w)."""
        features = self.encoder.beyond(trunk_BThw + self.fusion(guides_B3HW))
        near = self.near(F.max_pool2d(guides_B3HW, OUTPUT_STRIDE))
        logits: Tensor = self.head(self.join(self.decoder(features) + near))
        return logits[:, 0]
