"""Settings that every method learning from tags has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodConfig, setting
from models_zoo.refiners.info import DEFAULT, NAMES


@dataclass(frozen=True, kw_only=True)
class TagConfig(MethodConfig):
    """Classifier, class maps, labels cut out of them, and the network that learns the labels."""

    encoder: str = setting(
        "efficientnet_lite0",
        choices=("efficientnet_lite0", "resnet18", "resnet34", "resnet50"),
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
    class_map: str = setting(
        "cam",
        choices=("cam", "grad_cam", "layer_cam"),
        help="Where the classifier is asked what it saw: cam at its last layer, grad_cam one stage earlier, "
        "layer_cam at an early one, which is finer and less sure.",
    )
    scales: str = setting(
        "1 0.5 1.5",
        choices=("1", "1 0.5", "1 0.5 1.5", "1 0.5 1.5 2"),
        help="Sizes of the image, as factors, over which class maps are summed; more take longer and find more.",
    )
    threshold: float = setting(
        0.0,
        min=0.0,
        max=0.95,
        help="Height (of 1) from which on a class map is believed; 0 chooses it for every image.",
    )
    ignore_band: float = setting(
        0.15, min=0.0, max=0.45, help="Maps this close to the threshold teach nothing, neither class nor background."
    )
    refiner: str = setting(
        DEFAULT,
        choices=NAMES,
        help="How class maps, and later the proposals, are made to follow the colours. "
        "par is quick and careful; dense_crf and random_walk move borders further; none leaves them as they are.",
    )
    ema_decay: float = setting(
        0.99,
        min=0.0,
        max=0.9999,
        help="How slowly the averaged model, which makes the proposals, follows the trained one.",
    )
