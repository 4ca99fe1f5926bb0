"""Settings that every method learning from tags has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import setting
from models_zoo.methods.common_config import AveragedConfig
from models_zoo.refiners.info import DEFAULT, NAMES


@dataclass(frozen=True, kw_only=True)
class SeedConfig(AveragedConfig):
    """Labels cut out of class maps, and the network that learns them."""

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


@dataclass(frozen=True, kw_only=True)
class TagConfig(SeedConfig):
    """A classifier that is asked where it looked."""

    class_map: str = setting(
        "cam",
        choices=("cam", "grad_cam", "layer_cam"),
        help="Where the classifier is asked what it saw: cam at its last layer, grad_cam one stage earlier, "
        "layer_cam at an early one, which is finer and less sure.",
    )
