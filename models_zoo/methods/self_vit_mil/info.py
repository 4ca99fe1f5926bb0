"""What `self_vit_mil` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.common_config import AveragedConfig
from models_zoo.refiners.info import DEFAULT, NAMES


@dataclass(frozen=True, kw_only=True)
class SelfVitMilConfig(AveragedConfig):
    """How pictures become bags, and what their heat is."""

    image_size: int = setting(
        512,
        min=64,
        max=4096,
        help="Long side in pixels that images are resized to before they are cut into tiles. "
        "Twice the size is four times as many tiles and four times the time.",
    )
    tile: str = setting(
        "64",
        choices=("32", "64", "96", "128", "224"),
        help="Side of a tile in pixels at that size. A tile should show enough to tell the class by itself.",
    )
    overlap: bool = setting(
        True, help="Tiles overlap by half: maps are twice as fine, for four times as many tiles; off is quicker."
    )
    heat: str = setting(
        "scores",
        choices=("scores", "attention"),
        help="What proposals are made of: each tile's own score, or how like the most telling tile it is. "
        "Attention marks more of a thing, and more beside it.",
    )
    refiner: str = setting(
        DEFAULT,
        choices=NAMES,
        help="How the coarse map is made to follow the colours in proposals. "
        "par is quick and careful; dense_crf and random_walk move borders further; none leaves it as it is.",
    )


INFO = MethodInfo(
    name="self_vit_mil",
    title="Bags of tiles (Self-ViT-MIL)",
    accepts=frozenset(MarkKind),
    config=SelfVitMilConfig,
    entry="models_zoo.methods.self_vit_mil.task:SelfVitMilTraining",
    summary="For very large images with one tag each: an image network that rests describes tiles, and a small one "
    "finds those that the tag comes from.",
    paper="Gul et al. 2022 (Self-ViT-MIL, arXiv 2210.09021); Li, Li and Eliceiri 2021 (DSMIL, arXiv 2011.08939)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
