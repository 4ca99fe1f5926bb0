"""CLIP with a vision transformer (Radford et al., ICML 2021), asked about places instead of whole pictures.

CLIP's last blocks mix all places, so that a patch no longer says what it shows. Beside them runs a second path
(CLIP Surgery, Li et al. 2023; ExCEL, Yang et al., CVPR 2025): it starts from the tokens before the last blocks, and
each block adds attention only, made of how alike queries are among themselves, keys among themselves and values among
themselves. Nothing is trained.

Shape letters: B batch, D width, E shared channels, H heads, N places, S sentences, T tokens (a class token and the
places, or the pieces of a sentence); h rows and w columns of places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.image_text.byte_pairs import BytePairs
from models_zoo.networks.image_text.types import ImageText, ImageTextError, Seen
from models_zoo.networks.vision_transformer import resize_positions

SECOND_PATH = 5
"""Last blocks beside which the second path runs; fewer in a model of fewer blocks."""
_AT_ONCE = 128
"""Sentences that are read together."""
KEPT_EVERY = 3
"""Every so many blocks a layer is kept."""
_MEAN = (122.7709383, 116.7460125, 104.09373615)
_STD = (68.5005327, 66.6321579, 70.32316304)


@dataclass(frozen=True, kw_only=True)
class TowerShape:
    """Size of one of the two transformers."""

    width: int
    heads: int
    blocks: int
    hidden: int


@dataclass(frozen=True, kw_only=True)
class ClipShape:
    """Sizes of a CLIP; `patch` in pixels, `grid` patches a side in training, `is_quick` its cheaper GELU."""

    image: TowerShape
    text: TowerShape
    patch: int
    grid: int
    shared: int
    context: int
    vocabulary: int
    is_quick: bool


@dataclass(frozen=True)
class _Branch:
    """Where the second path begins, and what each later block asked there.

    A block's query, key and value are of shape (B, H, T, D / H) each.
    """

    tokens_BTD: Tensor
    asked: tuple[tuple[Tensor, Tensor, Tensor], ...]
    size: tuple[int, int]


class _Block(nn.Module):
    """Attention and perceptron, each behind a norm and beside a skip."""

    def __init__(self, shape: TowerShape, *, is_quick: bool) -> None:
        super().__init__()
        self.heads = shape.heads
        self.is_quick = is_quick
        self.norm1, self.norm2 = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.fc1, self.fc2 = nn.Linear(shape.width, shape.hidden), nn.Linear(shape.hidden, shape.width)

    def asked(self, tokens_BTD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, (B, H, T, D / H) each."""
        batch, count, width = tokens_BTD.shape
        parted = self.qkv(self.norm1(tokens_BTD)).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parted.permute(2, 0, 3, 1, 4)
        return query, key, value

    def joined(self, seen_BHTd: Tensor) -> Tensor:
        """Heads side by side and projected, (B, T, D)."""
        mixed: Tensor = self.out(seen_BHTd.transpose(1, 2).flatten(2))
        return mixed

    def onward(self, tokens_BTD: Tensor, attention_BHTT: Tensor, value_BHTd: Tensor) -> Tensor:
        """The tokens after this block."""
        tokens = tokens_BTD + self.joined(attention_BHTT @ value_BHTd)
        hidden = self.fc1(self.norm2(tokens))
        hidden = hidden * torch.sigmoid(1.702 * hidden) if self.is_quick else F.gelu(hidden)
        made: Tensor = tokens + self.fc2(hidden)
        return made


class _ImageTower(nn.Module):
    def __init__(self, shape: ClipShape) -> None:
        super().__init__()
        tower = shape.image
        self.patch = nn.Conv2d(3, tower.width, shape.patch, shape.patch, bias=False)
        self.class_token = nn.Parameter(torch.zeros(tower.width))
        self.positions = nn.Parameter(torch.zeros(1 + shape.grid**2, tower.width))
        self.norm_before, self.norm_after = nn.LayerNorm(tower.width), nn.LayerNorm(tower.width)
        self.blocks = nn.ModuleList(_Block(tower, is_quick=shape.is_quick) for _ in range(tower.blocks))
        self.project = nn.Linear(tower.width, shape.shared, bias=False)


class _TextTower(nn.Module):
    def __init__(self, shape: ClipShape) -> None:
        super().__init__()
        tower = shape.text
        self.words = nn.Embedding(shape.vocabulary, tower.width)
        self.positions = nn.Parameter(torch.zeros(shape.context, tower.width))
        self.blocks = nn.ModuleList(_Block(tower, is_quick=shape.is_quick) for _ in range(tower.blocks))
        self.norm_after = nn.LayerNorm(tower.width)
        self.project = nn.Linear(tower.width, shape.shared, bias=False)


class Clip(ImageText):
    """An ImageText that never learns; built by `clip_files.load_clip`."""

    learns_tags = False

    def __init__(
        self, shape: ClipShape, vocabulary: BytePairs, descriptions: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        """Random weights; raises ImageTextError if the vocabulary has another size."""
        super().__init__()
        if max(vocabulary.numbers.values()) >= shape.vocabulary:
            raise ImageTextError(
                f"The vocabulary has more than the {shape.vocabulary} pieces that the CLIP knows: "
                "give the files of one model."
            )
        self.shape, self.vocabulary = shape, vocabulary
        self.descriptions = dict(descriptions or {})
        self.image, self.text = _ImageTower(shape), _TextTower(shape)
        self.width = shape.shared
        kept = range(KEPT_EVERY - 1, shape.image.blocks, KEPT_EVERY)
        self._kept = set(kept) or {shape.image.blocks - 1}
        self.layer_channels = (shape.image.width,) * len(self._kept)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def normalise(self, rgb_BHWC: Tensor) -> Tensor:
        """As `ImageText.normalise`."""
        normalised: Tensor = (rgb_BHWC.permute(0, 3, 1, 2).float() - self.get_buffer("mean")) / self.get_buffer("std")
        return normalised

    @torch.no_grad()
    def encode(self, images_BCHW: Tensor) -> Seen:
        """As `ImageText.encode`; places are the patches, and pictures that no patches fit are resized a little."""
        tower, blocks = self.image, self.shape.image.blocks
        patches_BDhw = tower.patch(_fitting(images_BCHW, self.shape.patch))
        size = (patches_BDhw.shape[2], patches_BDhw.shape[3])
        places = resize_positions(tower.positions[None, 1:], size) + patches_BDhw
        first = (tower.class_token + tower.positions[0]).expand(len(places), 1, -1)
        tokens = tower.norm_before(torch.cat([first, places.flatten(2).transpose(1, 2)], dim=1))
        start = max(0, blocks - SECOND_PATH)
        branching, asked, layers, maps = tokens, [], [], []
        for number, block in enumerate(tower.blocks):
            assert isinstance(block, _Block)
            query, key, value = block.asked(tokens)
            if number == start:
                branching = tokens
            if number >= start:
                asked.append((query, key, value))
            attention = _alike(query, key)
            tokens = block.onward(tokens, attention, value)
            maps.append(attention.mean(dim=1)[:, 1:, 1:])
            if number in self._kept:
                layers.append(_as_map(tokens[:, 1:], size))
        picture = tower.project(tower.norm_after(tokens[:, 0]))
        state = _Branch(branching, tuple(asked), size)
        return Seen(tuple(layers), torch.stack(maps), F.normalize(picture, dim=1), state)

    @torch.no_grad()
    def places(self, seen: Seen, extra_BNN: Tensor | None = None) -> Tensor:
        """As `ImageText.places`, of the second path."""
        state: _Branch = seen.state
        tower, tokens = self.image, state.tokens_BTD
        for (query, key, value), block in zip(state.asked, tower.blocks[-len(state.asked) :], strict=True):
            assert isinstance(block, _Block)
            tokens = tokens + block.joined(second_attention(query, key, value, extra_BNN)[:, None] @ value)
        return _as_map(tower.project(tower.norm_after(tokens[:, 1:])), state.size)

    @torch.no_grad()
    def texts(self, sentences: Sequence[str]) -> Tensor:
        """As `ImageText.texts`; what stands where the sentence first ends is its vector."""
        read = [self._read(sentences[at : at + _AT_ONCE]) for at in range(0, len(sentences), _AT_ONCE)]
        return torch.cat(read)

    def _read(self, sentences: Sequence[str]) -> Tensor:
        tower, context = self.text, self.shape.context
        device = tower.positions.device
        numbers_ST = torch.tensor([self.vocabulary.encode(text, context) for text in sentences], device=device)
        tokens = tower.words(numbers_ST) + tower.positions
        unseen = torch.full((context, context), -torch.inf, device=device).triu(1)
        for block in tower.blocks:
            assert isinstance(block, _Block)
            query, key, value = block.asked(tokens)
            tokens = block.onward(tokens, _alike(query, key, unseen), value)
        ends = (numbers_ST == self.vocabulary.end).int().argmax(dim=1)
        ended_SD = tokens[torch.arange(len(tokens), device=device), ends]
        return F.normalize(tower.project(tower.norm_after(ended_SD)), dim=1)


def second_attention(query: Tensor, key: Tensor, value: Tensor, extra_BNN: Tensor | None = None) -> Tensor:
    """Attention of the second path, (B, T, T): the mean of q-q, k-k and v-v, heads summed.

    Args:
        query, key, value: (B, H, T, d) each.
        extra_BNN: added between places, not for the class token, which comes first.
    """
    summed = torch.stack([_alike(asked, asked).sum(dim=1) for asked in (query, key, value)]).mean(dim=0)
    if extra_BNN is not None:
        summed = summed + F.pad(extra_BNN, (1, 0, 1, 0))
    return summed


def _alike(left_BHTd: Tensor, right_BHTd: Tensor, mask_TT: Tensor | None = None) -> Tensor:
    """Scaled dot products as shares that sum to 1 a row, (B, H, T, T)."""
    scores = left_BHTd @ right_BHTd.transpose(2, 3) * left_BHTd.shape[3] ** -0.5
    return torch.softmax(scores if mask_TT is None else scores + mask_TT, dim=3)


def _as_map(tokens_BND: Tensor, size: tuple[int, int]) -> Tensor:
    """Places row by row -> (B, D, h, w)."""
    return tokens_BND.transpose(1, 2).reshape(len(tokens_BND), -1, *size)


def _fitting(images_BCHW: Tensor, patch: int) -> Tensor:
    """The pictures with sides that are multiples of the patch."""
    size = [max(1, round(side / patch)) * patch for side in images_BCHW.shape[2:]]
    if size == list(images_BCHW.shape[2:]):
        return images_BCHW
    return F.interpolate(images_BCHW, size=size, mode="bilinear", align_corners=False)
