"""What `agmm` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.seeded_segmentation.info import SeededSegmentationConfig


@dataclass(frozen=True, kw_only=True)
class AgmmConfig(SeededSegmentationConfig):
    """The mixture, beside all that seeded segmentation has; what competes with it is off, as published."""

    dice_weight: float = setting(
        0.0, min=0.0, max=5.0, help="Weight of overlap by class on labelled pixels, which favours small objects."
    )
    crf_weight: float = setting(
        0.0, min=0.0, max=5.0, help="Pull that spreads labels over even colour and stops at edges; 0 is off."
    )
    pseudo_label_weight: float = setting(
        0.0, min=0.0, max=5.0, help="Weight of learning from the model's own sure pixels after warm-up; 0 is off."
    )
    mixture_weight: float = setting(
        0.3,
        min=0.0,
        max=5.0,
        help="Weight of what the mixture and the network teach each other about every pixel; 0 is off.",
    )
    mutual: bool = setting(
        True,
        help="The network's opinion also moves the features that the mixture is made of; without it the mixture "
        "only teaches.",
    )
    em_rounds: int = setting(
        2,
        min=0,
        max=20,
        help="How often means and spreads of the classes are fitted to the whole image; 0 keeps the means of "
        "what is labelled and one fixed spread, as published.",
    )
    em_momentum: float = setting(
        0.5, min=0.0, max=1.0, help="How much of means and spreads is kept each time they are fitted."
    )
    separation_weight: float = setting(
        0.1, min=0.0, max=5.0, help="Push that keeps the means of different classes apart; 0 is off."
    )
    absence_weight: float = setting(
        1.0,
        min=0.0,
        max=5.0,
        help="In an image with two or more classes marked, all others are taught to be absent. Take 0 if people do "
        "not mark every class of an image.",
    )


INFO = MethodInfo(
    name="agmm",
    title="Adaptive Gaussian mixtures",
    accepts=frozenset(MarkKind),
    config=AgmmConfig,
    entry="models_zoo.methods.agmm.task:AdaptiveMixtures",
    summary="For strokes and filled marks: what is labelled in an image says by its features what the rest of it is, "
    "and this and the network teach each other.",
    paper="Wu et al. 2023 (AGMM, CVPR) and 2024 (arXiv 2403.13225)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
