"""What `ppl` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.tag_config import TagConfig


@dataclass(frozen=True, kw_only=True)
class PplConfig(TagConfig):
    """Where features are cut into pieces, into how many, and how the cuts take turns."""

    cuts: str = setting(
        "8 16",
        choices=("16", "8 16", "4 8 16"),
        help="Strides of the features that are cut into pieces, in the order of their turns: an early cut leaves a "
        "piece alone for longer, and costs more.",
    )
    grids: str = setting(
        "2",
        choices=("2", "2 3", "2 4", "4 2"),
        help="Pieces a side of each cut; the last number goes on. Pieces of fewer than 4 cells a side are not made, "
        "so larger grids need larger images.",
    )
    fusion: str = setting(
        "progressive",
        choices=("progressive", "explicit"),
        help="progressive trains one cut after the other in the same network; explicit looks at all cuts at once, "
        "which takes longer.",
    )
    consistency_weight: float = setting(
        1.0,
        min=0.0,
        max=10.0,
        help="How strongly the class maps of the pieces and those of the whole have to agree, from nothing at first to "
        "this at the end of the tags' part.",
    )


INFO = MethodInfo(
    name="ppl",
    title="Progressive patch learning",
    accepts=frozenset(MarkKind),
    config=PplConfig,
    entry="models_zoo.methods.ppl.task:PplTraining",
    summary="For tags alone: the classifier also sees its features cut into pieces, so that every part of a thing has "
    "to speak for the class by itself; its maps cover more. A second network learns the masks.",
    paper="Li et al. 2022 (PPL, IEEE TMM, arXiv 2209.07828); Jo and Yu 2021 (Puzzle-CAM, ICIP)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
