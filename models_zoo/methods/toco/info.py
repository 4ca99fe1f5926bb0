"""What `toco` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.tag_config import SeedConfig


@dataclass(frozen=True, kw_only=True)
class TocoConfig(SeedConfig):
    """One network for all; the defaults are the published ones, for one size of the picture."""

    scales: str = setting(
        "1",
        choices=("1", "1 0.5", "1 0.5 1.5", "1 0.5 1.5 2"),
        help="Sizes of the image, as factors, over which class maps are summed; more take longer and find more.",
    )
    threshold: float = setting(
        0.475,
        min=0.0,
        max=0.95,
        help="Height (of 1) from which on a class map is believed; 0 chooses it for every image.",
    )
    ignore_band: float = setting(
        0.225, min=0.0, max=0.45, help="Maps this close to the threshold teach nothing, neither class nor background."
    )
    patch_contrast: float = setting(
        0.2,
        min=0.0,
        max=5.0,
        help="Weight of what makes places of one class alike and places of different classes not; 0 is off.",
    )
    piece_contrast: float = setting(
        0.5,
        min=0.0,
        max=5.0,
        help="Weight of comparing small pieces with the whole image: doubtful ones are drawn to it, those of "
        "background away; 0 is off.",
    )
    pieces: int = setting(4, min=1, max=16, help="Pieces of each image that are compared; more take longer.")
    seed_weight: float = setting(
        0.1, min=0.0, max=5.0, help="Weight of masks from class maps; what people drew always weighs 1."
    )
    warm_up: float = setting(
        0.2,
        min=0.0,
        max=0.9,
        help="Share of the training in which only tags and drawn marks teach, until class maps can be believed.",
    )


INFO = MethodInfo(
    name="toco",
    title="Token contrast",
    accepts=frozenset(MarkKind),
    config=TocoConfig,
    entry="models_zoo.methods.toco.task:TocoTraining",
    summary="For tags alone, in one network: class maps of an earlier layer say which places of the last one belong "
    "together, and masks are learnt beside them. Made for vision transformers with trained weights.",
    paper="Ru, Zheng, Zhan and Du, CVPR 2023 (ToCo, arXiv 2303.01267)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
