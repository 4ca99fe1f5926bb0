"""What every image-text model offers to a method.

Shape letters: B batch, D channels of a layer, E channels that pictures and texts share, L layers, N places (h * w, row
by row), S sentences, H height, W width of the image; h rows and w columns of places.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from models_zoo.errors import TrainingError


class ImageTextError(TrainingError):
    """An image-text model's files cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Seen:
    """What a model sees in a batch of pictures, before any sentence is asked about.

    Attributes:
        layers: features of places at several depths, (B, D, h, w) each, D as in `ImageText.layer_channels`.
        attention_LBNN: how much each place looks at each other one, at several depths, the deepest last; not negative.
        picture_BE: what stands for the whole picture, of unit length.
        state: what `ImageText.places` goes on from; the model's own business.
    """

    layers: tuple[Tensor, ...]
    attention_LBNN: Tensor
    picture_BE: Tensor
    state: Any


class ImageText(nn.Module, ABC):
    """Pictures and sentences in one space.

    Attributes:
        width: E.
        layer_channels: channels of each of `Seen.layers`.
        learns_tags: whether it has to learn the project's tags first; a trained one rests.
        descriptions: sentences by class name, in lower case, that somebody wrote about the classes.
    """

    width: int
    layer_channels: tuple[int, ...]
    learns_tags: bool
    descriptions: Mapping[str, tuple[str, ...]]

    @abstractmethod
    def normalise(self, rgb_BHWC: Tensor) -> Tensor:
        """Turn uint8 RGB into the float32 (B, 3, H, W) that `encode` expects."""

    @abstractmethod
    def encode(self, images_BCHW: Tensor) -> Seen:
        """Look at normalised pictures whose sides are multiples of 32."""

    @abstractmethod
    def places(self, seen: Seen, extra_BNN: Tensor | None = None) -> Tensor:
        """Features of places to compare with texts, (B, E, h, w) of any length; `extra_BNN` is attention to add."""

    @abstractmethod
    def texts(self, sentences: Sequence[str]) -> Tensor:
        """One vector of unit length a sentence, (S, E)."""
