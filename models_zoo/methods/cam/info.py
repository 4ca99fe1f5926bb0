"""What `cam` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo
from models_zoo.marks import MarkKind
from models_zoo.methods.tag_config import TagConfig


@dataclass(frozen=True, kw_only=True)
class CamConfig(TagConfig):
    """Nothing but what all methods from tags have."""


INFO = MethodInfo(
    name="cam",
    title="Class activation maps",
    accepts=frozenset(MarkKind),
    config=CamConfig,
    entry="models_zoo.methods.tag_training:TagTraining",
    summary="For tags alone: a classifier learns them, and where it looked becomes masks that a second network learns. "
    "Needs images with and images without each class.",
    paper="Zhou et al. 2016 (CAM, arXiv 1512.04150); Selvaraju et al. 2017 (Grad-CAM, arXiv 1610.02391); "
    "Jiang et al. 2021 (LayerCAM); Otsu 1979",
    license="Apache-2.0; encoder weights Apache-2.0",
)
