"""What `seeded_segmentation` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.common_config import SegmenterConfig
from models_zoo.refiners.info import DEFAULT, NAMES


@dataclass(frozen=True, kw_only=True)
class SeededSegmentationConfig(SegmenterConfig):
    """Settings a person may change; the defaults suit a few hundred photographs on two processor cores."""

    class_balance: float = setting(
        0.5,
        min=0.0,
        max=1.0,
        help="How much rare classes count: 0 every pixel alike, 1 every class alike (weights are capped).",
    )
    dice_weight: float = setting(
        0.3, min=0.0, max=5.0, help="Weight of overlap by class on labelled pixels, which favours small objects."
    )
    crf_weight: float = setting(
        0.8, min=0.0, max=5.0, help="Pull that spreads labels over even colour and stops at edges; 0 is off."
    )
    tree_weight: float = setting(
        0.0,
        min=0.0,
        max=5.0,
        help="Pull towards the mean along the picture's tree of like colours and features, which reaches far; try 0.4; "
        "0 is off.",
    )
    pseudo_label_weight: float = setting(
        0.5, min=0.0, max=5.0, help="Weight of learning from the model's own sure pixels after warm-up; 0 is off."
    )
    pseudo_label_threshold: float = setting(
        0.7, min=0.5, max=0.999, help="How sure the averaged model must be of a pixel to learn from it."
    )
    refiner: str = setting(
        DEFAULT,
        choices=NAMES,
        help="How the model's opinion is made to follow the colours, in proposals and in what it teaches itself. "
        "par is quick and careful; dense_crf and random_walk move borders further; none leaves it as it is.",
    )
    tag_weight: float = setting(
        0.2, min=0.0, max=5.0, help="Weight of image-level tags (present, absent); 0 ignores them in training."
    )
    box_weight: float = setting(
        0.5, min=0.0, max=5.0, help="Weight of boxes: the object fills its box from side to side; 0 is off."
    )
    ema_decay: float = setting(
        0.99,
        min=0.0,
        max=0.9999,
        help="How slowly the averaged model, which makes the proposals, follows the trained one.",
    )
    noise: str = setting(
        "none",
        choices=("none", "elr", "small_loss", "nested_dropout", "confidence"),
        help="What training does about marks that may be wrong: none believes them all; elr remembers what the model "
        "said of each early on; small_loss leaves out those that fit worst; nested_dropout lets two models choose "
        "for each other (twice the time); confidence believes a mark as far as the averaged model does.",
    )
    noise_rate: float = setting(
        0.2,
        min=0.0,
        max=0.5,
        help="About how large a share of the marks is wrong, where something is done about it. elr and confidence "
        "need it for boxes and tags only.",
    )


INFO = MethodInfo(
    name="seeded_segmentation",
    title="Seeded segmentation",
    accepts=frozenset(MarkKind),
    config=SeededSegmentationConfig,
    entry="models_zoo.methods.seeded_segmentation.task:SeededSegmentation",
    summary="Learns masks from any mixture of tags, points, scribbles, boxes and accepted masks.",
    paper="Obukhov et al. 2019 (gated CRF, arXiv 1906.04651); Liang et al. 2022 (tree energy); "
    "Tarvainen & Valpola 2017 (mean teacher); Tian et al. 2021 (BoxInst projection); "
    "Zhou et al. 2016 (class activation by pooling); "
    "Liu et al. 2020 (ELR); Han et al. 2018 (co-teaching); Chen et al. 2022 (nested dropout)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
