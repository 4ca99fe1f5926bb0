"""Pictures cut into tiles, tiles described by an encoder that rests, bags answered by `DualStream`.

Shape letters: B batch, C classes, D channels, H height, W width, K channels of a tile; g rows and k columns of tiles.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.methods.self_vit_mil.aggregator import BagAnswer, DualStream
from models_zoo.networks.encoders import Encoder

_PIXELS_AT_ONCE = 2_000_000
"""Of tiles that go through the encoder together: memory does not grow with the picture."""


class TileNetwork(nn.Module):
    """Encoder and aggregator. A tile is seen by itself, as if nothing were around it."""

    def __init__(self, encoder: Encoder, num_classes: int, *, tile: int, step: int) -> None:
        """Takes the encoder over.

        Args:
            encoder: which of its stages rest is its own matter.
            num_classes: of the answers.
            tile: side in pixels, a multiple of 32.
            step: pixels from tile to tile, `tile` or half of it.
        """
        super().__init__()
        self.encoder = encoder
        self.tile, self.step = tile, step
        self.aggregator = DualStream(encoder.channels[16] + encoder.channels[32], num_classes)

    def forward(self, images_BCHW: Tensor, counts_Bgk: Tensor) -> BagAnswer:
        """Normalised images and which of their tiles count -> answers, tiles row by row."""
        tiles_BKgk = self.embed(images_BCHW)
        answer: BagAnswer = self.aggregator(tiles_BKgk.flatten(2).transpose(1, 2), counts_Bgk.flatten(1))
        return answer

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """(rows, columns) of tiles of a picture of that size."""
        return -(-height // self.step), -(-width // self.step)

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Embeddings of all tiles, (B, K, g, k): the mean of the features of stride 16, and the encoder's vector.

        The middle `step` pixels of the tiles cover the picture once; where tiles reach beyond it, its border repeats.
        """
        rows, columns = self.grid(images_BCHW.shape[2], images_BCHW.shape[3])
        reach = (self.tile - self.step) // 2
        right = columns * self.step - images_BCHW.shape[3] + reach
        bottom = rows * self.step - images_BCHW.shape[2] + reach
        framed = F.pad(images_BCHW, (reach, right, reach, bottom), mode="replicate")
        at_once = max(1, _PIXELS_AT_ONCE // (len(images_BCHW) * columns * self.tile**2))
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self.encoder.stages.parameters())
        with torch.set_grad_enabled(learns):
            bands = [
                self._embed_band(framed[:, :, first * self.step : (last - 1) * self.step + self.tile])
                for first in range(0, rows, at_once)
                for last in (min(first + at_once, rows),)
            ]
        return torch.cat(bands, dim=2)

    def _embed_band(self, band_BCHW: Tensor) -> Tensor:
        cut = band_BCHW.unfold(2, self.tile, self.step).unfold(3, self.tile, self.step)
        count, _, rows, columns = cut.shape[:4]
        tiles = cut.permute(0, 2, 3, 1, 4, 5).flatten(0, 2).contiguous(memory_format=torch.channels_last)
        layers, vectors = self.encoder.chain(tiles)
        seen = torch.cat([layers[16].float().mean(dim=(2, 3)), vectors.float()], dim=1)
        return seen.view(count, rows, columns, -1).permute(0, 3, 1, 2)
