"""Vision transformers as encoders: `vit_tiny` and `vit_small`, patches of 16 px, 12 blocks, a class token.

Dosovitskiy et al., ICLR 2021; sizes of DeiT (Touvron et al., ICML 2021). All blocks see the picture at stride 16. The
maps at strides 2 to 32 are made of tokens of different depth, as dense transformers do (BEiT, XCiT): the patch
embedding enlarged eight times, blocks 3 and 6 four times and twice, block 10 as it is, the last one pooled.

Shape letters: B batch, D width, T tokens, H height, W width of the image; h = H / 16, w = W / 16.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.networks.encoders import IMAGENET_MEAN, IMAGENET_STD, STRIDES, Encoder, EncoderError

PATCH = 16
DEPTH = 12
_ENDS = (0, 3, 6, 10, DEPTH)
"""How many blocks lie before the end of each stage; the fourth ends two before the last, where token contrast looks."""
_SIZES = {"vit_tiny": (192, 3), "vit_small": (384, 6)}
"""Width and attention heads."""
_GRID = 14
"""Side of the learnt position embedding: pictures of 224 px. Other sizes get it resized."""
_MLP_RATIO = 4
_NORM_EPS = 1e-6
_INIT_STD = 0.02


class _Attention(nn.Module):
    """Every token looks at all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens_BTD: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        batch, count, width = tokens_BTD.shape
        parted = self.qkv(tokens_BTD).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parted.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, count, width)
        mixed: Tensor = self.proj(seen)
        return mixed


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, _MLP_RATIO * width)
        self.fc2 = nn.Linear(_MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return made


class _Block(nn.Module):
    """Attention and perceptron, each behind a norm and beside a skip; named as in published files."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=_NORM_EPS) for _ in range(2))
        self.attn = _Attention(width, heads)
        self.mlp = _Mlp(width)

    def forward(self, tokens_BTD: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        seen = tokens_BTD + self.attn(self.norm1(tokens_BTD))
        made: Tensor = seen + self.mlp(self.norm2(seen))
        return made


class _Embedding(nn.Module):
    """The first stage: patches as tokens, with their places added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + _GRID**2, width))

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D, h, w)."""
        patches: Tensor = self.proj(images_BCHW)
        return patches + resize_positions(self.pos_embed[:, 1:], (patches.shape[2], patches.shape[3]))

    def class_token(self, count: int) -> Tensor:
        """What the class token starts as, (count, 1, D)."""
        return (self.cls_token + self.pos_embed[:, :1]).expand(count, -1, -1)


class _Blocks(nn.Module):
    """A later stage: some blocks on all tokens, and the last norm behind the last of them."""

    def __init__(self, width: int, heads: int, count: int, *, is_last: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(count))
        self.norm = nn.LayerNorm(width, eps=_NORM_EPS) if is_last else nn.Identity()

    def forward(self, x_BDhw: Tensor, token_B1D: Tensor) -> tuple[Tensor, Tensor]:
        """Map and class token -> map and class token."""
        tokens = torch.cat([token_B1D, x_BDhw.flatten(2).transpose(1, 2)], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        return tokens[:, 1:].transpose(1, 2).reshape(x_BDhw.shape), tokens[:, :1]


def _enlarge(width: int, doublings: int) -> nn.Sequential:
    """Twice the size and half the channels, so many times."""
    steps: list[nn.Module] = []
    for number in range(doublings):
        inputs = width >> number
        steps += [nn.GELU()] if number else []
        steps.append(nn.ConvTranspose2d(inputs, inputs // 2, 2, 2))
    return nn.Sequential(*steps)


class VisionTransformer(Encoder):
    """An encoder whose five stages are the patch embedding and 3, 3, 4 and 2 blocks, all of stride 16.

    What `chain` calls 16 are the patch tokens two blocks before the end, without a norm; 32 are the last ones, with it.
    Its vector is the class token.
    """

    has_class_token = True
    trunk_stages = 1
    trunk_stride = PATCH

    def __init__(self, name: str, width: int, heads: int) -> None:
        stages: dict[int, nn.Module] = {2: _Embedding(width)}
        for stride, (start, end) in zip(STRIDES[1:], pairwise(_ENDS), strict=True):
            stages[stride] = _Blocks(width, heads, end - start, is_last=end == DEPTH)
        channels = {2: width // 8, 4: width // 4, 8: width // 2, 16: width, 32: width}
        super().__init__(name, stages, channels, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        self.trunk_channels = width
        self.necks = nn.ModuleList([*(_enlarge(width, count) for count in (3, 2, 1)), nn.Identity(), nn.MaxPool2d(2)])
        self.apply(_start)

    def _embedding(self) -> _Embedding:
        found = self.stages[0]
        assert isinstance(found, _Embedding)
        return found

    def _through(self, x_BDhw: Tensor, first: int = 1) -> tuple[dict[int, Tensor], Tensor]:
        """What stage `first` and all later ones make of a map: maps by nominal stride, and the class token (B, D)."""
        token_B1D = self._embedding().class_token(len(x_BDhw))
        layers: dict[int, Tensor] = {}
        for number, stride in enumerate(STRIDES[first:], first):
            with self._learning(number):
                x_BDhw, token_B1D = self.stages[number](x_BDhw, token_B1D)
            layers[stride] = x_BDhw
        return layers, token_B1D[:, 0]

    def chain(self, images_BCHW: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """Tokens after each stage as maps (B, D, h, w), and the class token (B, D)."""
        self.check_size(images_BCHW)
        embedded = self.trunk(images_BCHW)
        layers, token_BD = self._through(embedded)
        return {STRIDES[0]: embedded} | layers, token_BD

    def onward(self, layer_BDhw: Tensor, *, after: int) -> dict[int, Tensor]:
        """As `Encoder.onward`; the class token starts anew, without what earlier blocks told it."""
        return self._through(layer_BDhw, STRIDES.index(after) + 1)[0]

    def pyramid(self, layers: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Maps at the strides they are called by."""
        return {stride: self.necks[STRIDES.index(stride)](layer) for stride, layer in layers.items()}

    def beyond(self, trunk_BDhw: Tensor) -> dict[int, Tensor]:
        """Maps of strides 4 to 32 of embedded patches."""
        return self.pyramid(self._through(trunk_BDhw)[0])

    def keep_resolution(self) -> None:
        """Leave the last tokens unpooled."""
        self.necks[-1] = nn.Identity()

    def adapt(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Also takes a published file (names of timm, DeiT and DINO): its head is left out, positions are resized.

        What makes the maps finer and coarser is in no such file and stays as it is. Raises EncoderError.
        """
        if "pos_embed" not in state:
            return dict(state)
        published = {_own_name(name): value for name, value in state.items() if not name.startswith("head.")}
        positions = published["stages.0.pos_embed"]
        side = math.isqrt(positions.shape[1] - 1) if positions.ndim == 3 else 0
        if side < 1 or side**2 != positions.shape[1] - 1:
            raise EncoderError("its positions are no square and one class token: give a plain vision transformer")
        grid = resize_positions(positions[:, 1:].float(), (_GRID, _GRID)).flatten(2).transpose(1, 2)
        published["stages.0.pos_embed"] = torch.cat([positions[:, :1].float(), grid], dim=1)
        necks = {name: value for name, value in self.state_dict().items() if name.startswith("necks.")}
        return published | necks


def build_vision_transformer(name: str) -> VisionTransformer:
    """One of `_SIZES` with random weights."""
    return VisionTransformer(name, *_SIZES[name])


def resize_positions(positions_1TD: Tensor, size: tuple[int, int]) -> Tensor:
    """Positions of a square grid (1, side * side, D), row by row, as a map (1, D, *size); bicubic if sizes differ."""
    side = math.isqrt(positions_1TD.shape[1])
    grid = positions_1TD.transpose(1, 2).reshape(1, -1, side, side)
    if size == (side, side):
        return grid
    return F.interpolate(grid, size=size, mode="bicubic", align_corners=False)


def _own_name(published: str) -> str:
    """What we call a parameter of a published file."""
    if published in ("cls_token", "pos_embed"):
        return f"stages.0.{published}"
    if published.startswith("patch_embed.proj."):
        return "stages.0." + published.removeprefix("patch_embed.")
    if published.startswith("norm."):
        return f"stages.{len(_ENDS) - 1}.{published}"
    kind, _, rest = published.partition(".")
    number, _, inner = rest.partition(".")
    if kind != "blocks" or not number.isdecimal() or int(number) >= DEPTH:
        return published
    stage = next(place for place, end in enumerate(_ENDS) if int(number) < end)
    return f"stages.{stage}.blocks.{int(number) - _ENDS[stage - 1]}.{inner}"


def _start(module: nn.Module) -> None:
    """Small random weights and no biases, as published."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=_INIT_STD)
        nn.init.zeros_(module.bias)
    elif isinstance(module, _Embedding):
        nn.init.trunc_normal_(module.cls_token, std=_INIT_STD)
        nn.init.trunc_normal_(module.pos_embed, std=_INIT_STD)
