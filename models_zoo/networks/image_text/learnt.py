"""A small image-text model that learns from a project's own tags; nothing has to be downloaded.

Places of the encoder's last map and class names share a space. A name is the mean of learnt vectors of its words, of
groups of three letters in them (as in fastText, Bojanowski et al., TACL 2017) and of itself, found by hash: any word of
any language has one, and words that look alike start alike. A picture's logit for a text is the mean over its places of
their dot products with it, so that places can be asked what the picture was asked.

Shape letters: B batch, C texts, D encoder channels, E shared channels, N places, S sentences.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.encoders import Encoder
from models_zoo.networks.image_text.types import ImageText, Seen

WIDTH = 128
BUCKETS = 4096
SHARPNESS = 10.0
"""Of how alike two places' features must be to look at each other."""
_LAYERS = (16, 32)
_GROUP = 3
_MAP = 16
_SCALE = WIDTH**0.5


class LearntImageText(ImageText):
    """An ImageText on an encoder of its own, whose map of stride 32 it makes one of 16."""

    learns_tags = True

    def __init__(self, encoder: Encoder) -> None:
        """Takes the encoder over."""
        super().__init__()
        encoder.keep_resolution()
        self.encoder = encoder
        self.width = WIDTH
        self.layer_channels = tuple(encoder.channels[stride] for stride in _LAYERS)
        self.descriptions = {}
        self.project = nn.Conv2d(encoder.channels[32], WIDTH, 1, bias=False)
        # Divided by _SCALE in use: a step of the optimizer then moves a logit as far as one of a plain linear layer.
        nn.init.normal_(self.project.weight, std=0.01 * _SCALE)
        self.words = nn.Embedding(BUCKETS, WIDTH)

    def normalise(self, rgb_BHWC: Tensor) -> Tensor:
        """As `ImageText.normalise`."""
        return self.encoder.normalise(rgb_BHWC)

    def logits(self, images_BCHW: Tensor, texts_CE: Tensor) -> Tensor:
        """One logit a picture and text, (B, C); above 0 the picture is believed to show it."""
        layers, _ = self.encoder.chain(images_BCHW)
        logits: Tensor = self._embedded(layers[32]).mean(dim=(2, 3)) @ texts_CE.T
        return logits

    def _embedded(self, layer_BDhw: Tensor) -> Tensor:
        embedded: Tensor = self.project(layer_BDhw) / _SCALE
        return embedded

    def encode(self, images_BCHW: Tensor) -> Seen:
        """As `ImageText.encode`; layers are of stride 16, and places look at those whose features are like theirs."""
        chain, _ = self.encoder.chain(images_BCHW)
        layers = tuple(_at_places(chain[stride], chain[_MAP]) for stride in _LAYERS)
        embedded = self._embedded(chain[32])
        picture_BE = F.normalize(embedded.mean(dim=(2, 3)), dim=1)
        return Seen(layers, torch.stack([look_alike(layer) for layer in layers]), picture_BE, embedded)

    def places(self, seen: Seen, extra_BNN: Tensor | None = None) -> Tensor:
        """As `ImageText.places`: each place's own features and the mean of those it looks at."""
        embedded_BEhw: Tensor = seen.state
        attention = seen.attention_LBNN[-1]
        if extra_BNN is not None:
            attention = (attention + extra_BNN) / 2
        around = embedded_BEhw.flatten(2) @ attention.transpose(1, 2)
        return (embedded_BEhw + around.reshape(embedded_BEhw.shape)) / 2

    def texts(self, sentences: Sequence[str]) -> Tensor:
        """As `ImageText.texts`."""
        device = self.words.weight.device
        means = [self.words(torch.tensor(buckets(text), device=device)).mean(dim=0) for text in sentences]
        return F.normalize(torch.stack(means), dim=1)


def look_alike(features_BDhw: Tensor) -> Tensor:
    """How much each place looks at each other one, (B, N, N), rows of sum 1: softmax of `SHARPNESS` x cosine."""
    units_BDN = F.normalize(features_BDhw.flatten(2).float(), dim=1)
    return torch.softmax(SHARPNESS * units_BDN.transpose(1, 2) @ units_BDN, dim=2)


def buckets(sentence: str) -> list[int]:
    """Numbers below `BUCKETS` of a sentence's words and their parts, and one of the sentence as it is."""
    parts = [f"={sentence}"]
    for word in re.findall(r"\w+", sentence.lower()):
        marked = f"<{word}>"
        parts.append(marked)
        parts += [marked[at : at + _GROUP] for at in range(len(marked) - _GROUP + 1)]
    return [zlib.crc32(part.encode("utf-8")) % BUCKETS for part in parts]


def _at_places(layer_BDhw: Tensor, like_BDhw: Tensor) -> Tensor:
    if layer_BDhw.shape[2:] == like_BDhw.shape[2:]:
        return layer_BDhw
    return F.adaptive_avg_pool2d(layer_BDhw, (like_BDhw.shape[2], like_BDhw.shape[3]))
