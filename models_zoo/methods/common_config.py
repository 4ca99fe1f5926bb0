"""Settings that several methods have; imports no torch. What a method says anew keeps its place in the form."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodConfig, setting

ENCODERS = ("efficientnet_lite0", "resnet18", "resnet34", "resnet50", "vit_tiny", "vit_small")


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(MethodConfig):
    """Which image network, and how long it trains."""

    encoder: str = setting(
        "efficientnet_lite0",
        choices=ENCODERS,
        help="Image network to start from. Only EfficientNet-Lite0 brings trained weights; the others "
        "need many more images.",
    )
    effort: str = setting(
        "normal",
        choices=("quick", "normal", "thorough"),
        help="How long to train: quick for a first look, thorough (about three times normal) for the last round.",
    )
    steps: int = setting(
        0, min=0, max=100_000, help="Exact number of training steps; 0 lets effort and image count decide."
    )


@dataclass(frozen=True, kw_only=True)
class SegmenterConfig(NetworkConfig):
    """What a segmentation network trains on, and how fast."""

    image_size: int = setting(
        256,
        min=64,
        max=1024,
        help="Long side in pixels that images are resized to. Larger sees thinner things and takes longer "
        "(twice the size, four times the time).",
    )
    batch_size: int = setting(4, min=1, max=64, help="Images a training step.")
    learning_rate: float = setting(
        2e-3, min=1e-6, max=1e-1, help="Step size of the decoder; the encoder learns at a fifth of it."
    )


@dataclass(frozen=True, kw_only=True)
class AveragedConfig(SegmenterConfig):
    """A segmentation network that an averaged copy follows."""

    ema_decay: float = setting(
        0.99,
        min=0.0,
        max=0.9999,
        help="How slowly the averaged model, which makes the proposals, follows the trained one.",
    )
