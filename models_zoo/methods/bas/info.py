"""What `bas` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.tag_config import TagConfig


@dataclass(frozen=True, kw_only=True)
class BasConfig(TagConfig):
    """How large foreground maps may grow, and what they are joined with."""

    area_weight: float = setting(
        1.2,
        min=0.05,
        max=5.0,
        help="What every place of a foreground map costs. It decides how large masks become: lower it where parts are "
        "missing, raise it where masks spill over.",
    )
    guidance_weight: float = setting(
        0.2, min=0.0, max=5.0, help="Weight of telling the class from inside the foreground map alone."
    )
    add_class_maps: bool = setting(
        True, help="Whether class maps are added to the foreground maps before labels are cut out of both."
    )


INFO = MethodInfo(
    name="bas",
    title="Background activation suppression",
    accepts=frozenset(MarkKind),
    config=BasConfig,
    entry="models_zoo.methods.bas.task:BasTraining",
    summary="For tags alone: learns which part of a picture must be erased before the class can no longer be seen, "
    "which covers more of a thing than where a classifier looked. A second network learns the masks.",
    paper="Wu et al. 2022 (BAS, CVPR); Zhai et al. 2023 (arXiv 2309.12943)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
