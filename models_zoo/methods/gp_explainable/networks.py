"""Three networks that give features at the picture's resolution: U-Net, ShuffleUNet and ReconResNet.

As in Chatterjee et al. (arXiv 2206.05148), with the width as a setting (64 there). All start from He's initialisation.

Shape letters: B batch, I input channels, K features, H height, W width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE_MULTIPLE = 8
_BLOCKS = 14
_MAPS = 4


def build_network(name: str, width: int, inputs: int = 3) -> nn.Module:
    """The named network, (B, I, H, W) -> (B, width, H, W), for sides that are multiples of `SIZE_MULTIPLE`.

    Raises:
        ValueError: an unknown name, or a width that cannot be parted into the four maps of the ShuffleUNet.
    """
    if name not in _NETWORKS:
        raise ValueError(f"no network named {name!r}: choose one of {', '.join(_NETWORKS)}")
    if width < _MAPS or width % _MAPS:
        raise ValueError(f"the width must be a multiple of {_MAPS}")
    network = _NETWORKS[name](inputs, width)
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            _start(part, "relu")
    if isinstance(network, ShuffleUnet):
        network.start_linear()
    return network


class Unet(nn.Module):
    """Three levels of 1, 2 and 4 widths, no norms, mean pooling down, sinc interpolation up."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [_double_conv(inputs, width), _double_conv(width, 2 * width), _double_conv(2 * width, 4 * width)]
        )
        self.drop = nn.Dropout2d(0.5)
        self.reduce = nn.ModuleList([nn.Conv2d(4 * width, 2 * width, 1), nn.Conv2d(2 * width, width, 1)])
        self.up = nn.ModuleList([_double_conv(4 * width, 2 * width), _double_conv(2 * width, width)])

    def forward(self, images_BIHW: Tensor) -> Tensor:
        """Features (B, width, H, W), none negative."""
        skips: list[Tensor] = []
        x: Tensor = images_BIHW
        for level, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if level else x)
            skips.append(x)
        x = self.drop(skips.pop())
        for reduce, block in zip(self.reduce, self.up, strict=True):
            x = block(torch.cat([skips.pop(), reduce(sinc_upsample(x))], dim=1))
        return x


class Decomposition(nn.Module):
    """Four maps from convolutions in a chain, each a quarter of the channels; linear, as wavelets are."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter = channels // _MAPS
        self.chain = nn.ModuleList(
            nn.Conv2d(channels if number == 0 else quarter, quarter, 3, padding=1) for number in range(_MAPS)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the four maps side by side, of the same shape."""
        maps: list[Tensor] = []
        for conv in self.chain:
            x = conv(x)
            maps.append(x)
        return torch.cat(maps, dim=1)


class ShuffleUp(nn.Module):
    """A convolution whose channels become places: twice the size, half the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, 3, padding=1)

    def start_even(self) -> None:
        """ICNR (Aitken et al. 2017), after He's: the four places of a cell start alike; no checkerboard."""
        with torch.no_grad():
            self.conv.weight.copy_(self.conv.weight[::4].repeat_interleave(4, dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, channels / 2, 2 H, 2 W)."""
        return F.pixel_shuffle(self.conv(x), 2)


class ShuffleUnet(nn.Module):
    """Three steps down by pixel-unshuffle; each level hands its decomposition over, which is added on the way up."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        levels = [width, 2 * width, 4 * width]
        self.start = _double_conv(inputs, width)
        self.apart = nn.ModuleList(Decomposition(channels) for channels in levels)
        self.squeeze = nn.ModuleList(nn.Conv2d(channels, channels // 2, 1) for channels in levels)
        self.down = nn.ModuleList(_double_conv(2 * channels, 2 * channels) for channels in levels)
        self.shuffle = nn.ModuleList(ShuffleUp(2 * channels) for channels in levels)
        self.join = nn.ModuleList(Decomposition(channels) for channels in levels)
        self.up = nn.ModuleList(_double_conv(2 * channels, channels) for channels in levels)

    def start_linear(self) -> None:
        """He's initialisation for what no ReLU follows, and places that start alike."""
        for part in (*self.apart.modules(), *self.join.modules(), *self.squeeze, *self.shuffle.modules()):
            if isinstance(part, nn.Conv2d):
                _start(part, "linear")
        for part in self.shuffle.modules():
            if isinstance(part, ShuffleUp):
                part.start_even()

    def forward(self, images_BIHW: Tensor) -> Tensor:
        """Features (B, width, H, W), none negative."""
        x: Tensor = self.start(images_BIHW)
        skips: list[Tensor] = []
        for apart, squeeze, down in zip(self.apart, self.squeeze, self.down, strict=True):
            x = apart(x)
            skips.append(x)
            x = down(F.pixel_unshuffle(squeeze(x), 2))
        for level in reversed(range(len(skips))):
            x = self.shuffle[level](x)
            x = self.up[level](torch.cat([x, self.join[level](x) + skips[level]], dim=1))
        return x


class ReconResNet(nn.Module):
    """Two strides down, residual blocks at a quarter of the size, two steps up; instance norms and PReLU."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        start = nn.Conv2d(inputs, width, 7, padding=3, padding_mode="reflect")
        parts: list[nn.Module] = [start, *_norm_act(width)]
        for channels in (width, 2 * width):
            parts += [nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), *_norm_act(2 * channels)]
        parts += [_Residual(4 * width) for _ in range(_BLOCKS)]
        for channels in (4 * width, 2 * width):
            grow = nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)
            parts += [grow, *_norm_act(channels // 2)]
        self.parts = nn.Sequential(*parts)

    def forward(self, images_BIHW: Tensor) -> Tensor:
        """Features (B, width, H, W) of either sign."""
        features: Tensor = self.parts(images_BIHW)
        return features


class _Residual(nn.Module):
    """x + two convolutions with a dropout of whole maps between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        conv = [nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect") for _ in range(2)]
        norm = nn.InstanceNorm2d(channels, affine=True)
        self.parts = nn.Sequential(conv[0], *_norm_act(channels), nn.Dropout2d(0.2), conv[1], norm)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        changed: Tensor = self.parts(x)
        return x + changed


def sinc_upsample(x_BKHW: Tensor) -> Tensor:
    """Twice the size by zeros in the spectrum; values at even places stay as they are. H and W must be even."""
    height, width = x_BKHW.shape[-2:]
    if height % 2 or width % 2:
        raise ValueError("sinc interpolation needs even sides: pad the picture")
    spectrum = torch.fft.rfft2(x_BKHW.float())
    # The highest frequency stands for both of its signs: half goes to each.
    spectrum = torch.cat([spectrum[..., :-1], spectrum[..., -1:] / 2], dim=-1)
    half = height // 2
    middle = spectrum[..., half : half + 1, :] / 2
    gap = spectrum.new_zeros(*spectrum.shape[:-2], height - 1, spectrum.shape[-1])
    rows = torch.cat([spectrum[..., :half, :], middle, gap, middle, spectrum[..., half + 1 :, :]], dim=-2)
    padded = F.pad(rows, (0, width // 2))
    made: Tensor = torch.fft.irfft2(padded, s=(2 * height, 2 * width)) * 4
    return made.to(x_BKHW.dtype)


def _start(conv: nn.Conv2d | nn.ConvTranspose2d, follows: Literal["relu", "linear"]) -> None:
    """He's initialisation."""
    nn.init.kaiming_normal_(conv.weight, nonlinearity=follows)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)


def _double_conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
    )


def _norm_act(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels, affine=True), nn.PReLU()]


_NETWORKS: dict[str, type[Unet] | type[ShuffleUnet] | type[ReconResNet]] = {
    "gp_unet": Unet,
    "gp_shuffle_unet": ShuffleUnet,
    "gp_reconresnet": ReconResNet,
}
