"""What `seafeats` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.common_config import AveragedConfig
from models_zoo.refiners.info import DEFAULT, NAMES


@dataclass(frozen=True, kw_only=True)
class SeaFeatsConfig(AveragedConfig):
    """The grid, what its cells learn before any label, and when a cell is background."""

    cell: str = setting(
        "16",
        choices=("16", "32", "64"),
        help="Side in pixels of a cell of the grid, at the size images are resized to. "
        "Smaller cells draw finer maps and each knows less.",
    )
    contrastive_share: float = setting(
        0.0,
        min=0.0,
        max=0.8,
        help="Share of the training in which cells only learn to know themselves again in other colours, "
        "without any label; 0 leaves it out.",
    )
    temperature: float = setting(
        0.5, min=0.05, max=2.0, help="How strictly cells are told apart in that part; lower is stricter."
    )
    threshold: float = setting(
        0.0,
        min=-1.0,
        max=1.0,
        help="How like pure background (cosine) a cell must be to be taken for it; 0 learns that from the images "
        "without any class.",
    )
    refiner: str = setting(
        DEFAULT,
        choices=NAMES,
        help="How the coarse map is made to follow the colours in proposals. "
        "par is quick and careful; dense_crf and random_walk move borders further; none leaves it as it is.",
    )


INFO = MethodInfo(
    name="seafeats",
    title="Coarse grid from image labels (SeaFeats)",
    accepts=frozenset(MarkKind),
    config=SeaFeatsConfig,
    entry="models_zoo.methods.seafeats.task:SeaFeatsTraining",
    summary="For one class an image, spread over it: learns from tags which cells of a coarse grid show it. "
    "Needs some images of background only.",
    paper="Raine et al. 2024 (SeaFeats, arXiv 2303.00973); Chen et al. 2020 (SimCLR, arXiv 2002.05709)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
