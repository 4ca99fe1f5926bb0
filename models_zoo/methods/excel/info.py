"""What `excel` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.tag_config import SeedConfig
from models_zoo.networks.image_text.info import image_text_setting


@dataclass(frozen=True, kw_only=True)
class ExcelConfig(SeedConfig):
    """Which image-text model is asked, and how its answers become labels; the defaults are the published ones."""

    image_text: str = image_text_setting()
    scales: str = setting(
        "1",
        choices=("1", "1 0.5", "1 0.5 1.5", "1 0.5 1.5 2"),
        help="Sizes of the image, as factors, over which class maps are summed; more take longer and find more.",
    )
    threshold: float = setting(
        0.5,
        min=0.0,
        max=0.95,
        help="Height (of 1) from which on a class map is believed; 0 chooses it for every image.",
    )
    ignore_band: float = setting(
        0.0, min=0.0, max=0.45, help="Maps this close to the threshold teach nothing, neither class nor background."
    )
    clusters: int = setting(
        112,
        min=0,
        max=1000,
        help="With a CLIP: groups of sentences about all classes that each class name is enriched with; 0 is off.",
    )
    box_height: float = setting(
        0.79,
        min=0.05,
        max=1.0,
        help="Height (of 1) whose regions' boxes a class may spread in when its map follows what looks alike.",
    )
    relation_weight: float = setting(
        0.1,
        min=0.0,
        max=5.0,
        help="Weight of learning which places belong together; late in the training they then look at each other. "
        "0 is off.",
    )


INFO = MethodInfo(
    name="excel",
    title="Patches compared with words (ExCEL)",
    accepts=frozenset(MarkKind),
    config=ExcelConfig,
    entry="models_zoo.methods.excel.task:ExcelTraining",
    summary="For tags alone: compares the places of an image with the names of its classes. With a CLIP of your own it "
    "needs no images without the class; without one it learns the words from the tags first.",
    paper="Yang et al., CVPR 2025 (ExCEL, arXiv 2503.20826); Radford et al., ICML 2021 (CLIP, arXiv 2103.00020)",
    license="Apache-2.0; encoder weights Apache-2.0; a CLIP has its own",
)
