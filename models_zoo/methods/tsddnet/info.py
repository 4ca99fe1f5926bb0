"""What `tsddnet` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.common_config import NetworkConfig


@dataclass(frozen=True, kw_only=True)
class TSDDNetConfig(NetworkConfig):
    """Settings a person may change; the defaults suit some dozens of boxed and tagged images on two processor cores."""

    image_size: int = setting(
        320,
        min=64,
        max=1024,
        help="Long side in pixels that images are resized to. Larger sees smaller things and takes longer "
        "(twice the size, four times the time).",
    )
    batch_size: int = setting(
        4, min=1, max=64, help="Images a training step; half of them only have tags, where there are such."
    )
    learning_rate: float = setting(
        1e-3, min=1e-6, max=1e-1, help="Step size of what is new; the encoder learns at a fifth of it."
    )
    refine_boxes: bool = setting(
        True, help="Move drawn boxes to where what is in them shows its class better, if it is clearly better."
    )
    pseudo_boxes: bool = setting(
        True, help="In images with tags only, take the box that shows the tagged class, if one surely does."
    )
    candidates: int = setting(
        16, min=1, max=45, help="Boxes that are tried around each one; more find better ones and take longer."
    )
    crop_size: str = setting(
        "96",
        choices=("64", "96", "128", "160", "224"),
        help="Side in pixels that the inside of a box is resized to when its class is judged.",
    )
    least_gain: float = setting(
        0.1,
        min=0.0,
        max=1.0,
        help="How much surer of its class a moved box must make the judge; higher leaves more boxes as drawn.",
    )
    hold: float = setting(
        1.0, min=0.0, max=5.0, help="How strongly a moved box is held near the drawn one; lower moves boxes farther."
    )
    pseudo_class_score: float = setting(
        0.7, min=0.05, max=0.99, help="How surely a box found in an image with tags only must show the tagged class."
    )
    pseudo_box_score: float = setting(
        0.3, min=0.05, max=0.99, help="How sure the detector must be of a box in an image with tags only."
    )
    distillation_weight: float = setting(
        0.5,
        min=0.0,
        max=5.0,
        help="Weight of what the two judges of the class, of a box and of the whole image, teach each other; 0 is off.",
    )
    image_share: float = setting(
        0.5,
        min=0.0,
        max=1.0,
        help="How much the whole image says about the class of a box in it. "
        "Take 0 where most images show several classes.",
    )
    ema_decay: float = setting(
        0.99,
        min=0.0,
        max=0.9999,
        help="How slowly the averaged model, which finds the boxes, follows the trained one.",
    )


INFO = MethodInfo(
    name="tsddnet",
    title="Box detector that mends coarse boxes (TSDDNet)",
    accepts=frozenset({MarkKind.BOX, MarkKind.TAG}),
    needs=frozenset({MarkKind.BOX}),
    config=TSDDNetConfig,
    entry="models_zoo.methods.tsddnet.task:TSDDNet",
    loader="models_zoo.methods.tsddnet.data:TaggedBoxLoader",
    detects=True,
    summary="For one class an image: learns to find boxes from coarse ones on some images and from tags on the others, "
    "and moves the boxes to where they show their class; it makes no masks.",
    paper="Wang, Qiao, … and Shi 2023 (TSDDNet, arXiv 2306.06982); Tian et al., ICCV 2019 (FCOS)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
