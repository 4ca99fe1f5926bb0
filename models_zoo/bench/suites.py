"""What can be measured: suites, profiles of settings, and the parts of methods that can be turned on and off.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models_zoo.labelled_folder import Part
from models_zoo.registry import list_methods

MARKS = ("scribbles", "points", "boxes", "tags")
FULL = "masks"
"""What the labels of full supervision are called beside the kinds of mark."""
FULL_METHOD = "seeded_segmentation"
"""Full supervision is this method on images that all have an accepted mask; every method ends in its network."""
DEFAULT = "default"

Settings = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A named set of trainings.

    Attributes:
        part: which part of a folder is measured on. What may change a method is measured on val; test decides nothing.
        ablates: whether each named part of a method is turned off (or on) in turn.
        seeds: trainings of each row, unless told otherwise.
        limit: images of each split, the first by name; 0 takes all.
        settings: before the profile's.
    """

    name: str
    part: Part
    ablates: bool = False
    seeds: int = 3
    limit: int = 0
    settings: Settings = field(default_factory=dict)


SUITES = (
    Suite(name="main", part="test"),
    Suite(name="ablations", part="val", ablates=True),
    Suite(name="smoke", part="test", seeds=1, limit=6, settings={"image_size": 64, "batch_size": 2, "steps": 6}),
)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a machine can do: its device, and settings that keep one training within 20 minutes on it."""

    name: str
    device: str
    settings: Settings


PROFILES = (
    Profile(name="cpu", device="cpu", settings={"image_size": 192, "batch_size": 4, "effort": "normal"}),
    Profile(name="gpu", device="cuda", settings={"image_size": 384, "batch_size": 8, "effort": "thorough"}),
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A method with one of its parts off, or on where it is off by default."""

    method: str
    name: str
    settings: Settings


VARIANTS = (
    Variant(method="seeded_segmentation", name="without dice", settings={"dice_weight": 0.0}),
    Variant(method="seeded_segmentation", name="without colours", settings={"crf_weight": 0.0}),
    Variant(method="seeded_segmentation", name="without pseudo-labels", settings={"pseudo_label_weight": 0.0}),
    Variant(method="seeded_segmentation", name="without refiner", settings={"refiner": "none"}),
    Variant(method="seeded_segmentation", name="without tags", settings={"tag_weight": 0.0}),
    Variant(method="seeded_segmentation", name="without boxes", settings={"box_weight": 0.0}),
    Variant(method="seeded_segmentation", name="without class balance", settings={"class_balance": 0.0}),
    Variant(method="seeded_segmentation", name="without averaging", settings={"ema_decay": 0.0}),
    Variant(method="seeded_segmentation", name="noise elr", settings={"noise": "elr"}),
    Variant(method="seeded_segmentation", name="noise small_loss", settings={"noise": "small_loss"}),
    Variant(method="seeded_segmentation", name="noise nested_dropout", settings={"noise": "nested_dropout"}),
    Variant(method="seeded_segmentation", name="noise confidence", settings={"noise": "confidence"}),
    Variant(method="cam", name="one scale", settings={"scales": "1"}),
    Variant(method="cam", name="without ignore band", settings={"ignore_band": 0.0}),
    Variant(method="cam", name="without refiner", settings={"refiner": "none"}),
    Variant(method="cam", name="layer_cam", settings={"class_map": "layer_cam"}),
    Variant(method="affinity", name="without walk", settings={"walk_steps": 0}),
    Variant(method="affinity", name="features", settings={"affinity": "features"}),
    Variant(method="toco", name="without patch contrast", settings={"patch_contrast": 0.0}),
    Variant(method="toco", name="without piece contrast", settings={"piece_contrast": 0.0}),
)


def suite_named(name: str) -> Suite:
    """Raises ValueError listing those there are."""
    found = {suite.name: suite for suite in SUITES}
    if name not in found:
        raise ValueError(f"there is no suite {name!r}; there are: {', '.join(found)}")
    return found[name]


def profile_named(name: str) -> Profile:
    """Raises ValueError listing those there are."""
    found = {profile.name: profile for profile in PROFILES}
    if name not in found:
        raise ValueError(f"there is no profile {name!r}; there are: {', '.join(found)}")
    return found[name]


def measured_methods() -> list[str]:
    """Methods that learn from marks and make proposals by themselves."""
    return [info.name for info in list_methods() if info.accepts and info.proposes]
