"""What `dual_polishing` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.common_config import NetworkConfig


@dataclass(frozen=True, kw_only=True)
class DualPolishingConfig(NetworkConfig):
    """Settings a person may change; the defaults suit some dozens of boxed images on two processor cores."""

    image_size: int = setting(
        320,
        min=64,
        max=1024,
        help="Long side in pixels that images are resized to. Larger sees smaller things and takes longer "
        "(twice the size, four times the time).",
    )
    batch_size: int = setting(
        4, min=1, max=64, help="Images a training step; half of them are unmarked ones, where there are any."
    )
    learning_rate: float = setting(
        1e-3, min=1e-6, max=1e-1, help="Step size of what is new; the encoder learns at a fifth of it."
    )
    unmarked_weight: float = setting(
        1.0, min=0.0, max=5.0, help="Weight of what the averaged model finds in unmarked images; 0 is off."
    )
    pseudo_box_score: float = setting(
        0.5, min=0.05, max=0.99, help="How sure the averaged model must be of a box in an unmarked image to use it."
    )
    category_polishing: bool = setting(
        True, help="Decide anew what is in a box found in an unmarked image before its class is learnt."
    )
    category_sure: float = setting(
        0.9, min=0.3, max=0.999, help="How sure that decision, or the averaged model itself, must be."
    )
    box_polishing: bool = setting(
        True,
        help="Move boxes onto their objects: those found in unmarked images before they are learnt, and all results.",
    )
    ema_decay: float = setting(
        0.99,
        min=0.0,
        max=0.9999,
        help="How slowly the averaged model, which finds the boxes, follows the trained one.",
    )


INFO = MethodInfo(
    name="dual_polishing",
    title="Box detector",
    accepts=frozenset({MarkKind.BOX}),
    config=DualPolishingConfig,
    entry="models_zoo.methods.dual_polishing.task:DualPolishing",
    loader="models_zoo.detection.data:BoxLoader",
    detects=True,
    learns_unmarked=True,
    summary="Learns to find boxes from some boxed images and from unmarked ones, whose boxes it mends before it learns "
    "them; it makes no masks.",
    paper="Zhang, Sun and Wei, AAAI 2023 (arXiv 2207.08185); Tian et al., ICCV 2019 (FCOS)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
