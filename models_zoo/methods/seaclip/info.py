"""What `seaclip` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo
from models_zoo.marks import MarkKind
from models_zoo.methods.seafeats.info import SeaFeatsConfig
from models_zoo.networks.image_text.info import image_text_setting


@dataclass(frozen=True, kw_only=True)
class SeaClipConfig(SeaFeatsConfig):
    """The settings of `seafeats`, and which image-text model is asked."""

    image_text: str = image_text_setting()


INFO = MethodInfo(
    name="seaclip",
    title="Coarse grid from image labels and words (SeaCLIP)",
    accepts=frozenset(MarkKind),
    config=SeaClipConfig,
    entry="models_zoo.methods.seaclip.task:SeaClipTraining",
    summary="For one class an image, spread over it: as seafeats, beside a second grid that learns which cells sound "
    "like the class rather than like what is around it; both are averaged.",
    paper="Raine et al. 2024 (SeaFeats and SeaCLIP, arXiv 2303.00973); Radford et al., ICML 2021 (CLIP)",
    license="Apache-2.0; encoder weights Apache-2.0; a CLIP has its own",
)
