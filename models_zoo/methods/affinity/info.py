"""What `affinity` is and which settings it has; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.info import MethodInfo, setting
from models_zoo.marks import MarkKind
from models_zoo.methods.tag_config import TagConfig


@dataclass(frozen=True, kw_only=True)
class AffinityConfig(TagConfig):
    """What is learnt between places, and how scores walk on it."""

    affinity: str = setting(
        "borders",
        choices=("borders", "features"),
        help="What is learnt between places: borders that nothing passes (IRNet), or features that are alike where "
        "places belong together (AffinityNet).",
    )
    walk_steps: int = setting(32, min=0, max=512, help="Steps of the walk; 0 leaves the class maps as they are.")
    walk_beta: float = setting(
        8.0,
        min=1.0,
        max=32.0,
        help="How sharply places are told apart on the walk; too high freezes it, too low floods the picture.",
    )


INFO = MethodInfo(
    name="affinity",
    title="Learnt affinities",
    accepts=frozenset(MarkKind),
    config=AffinityConfig,
    entry="models_zoo.methods.affinity.task:AffinityTraining",
    summary="For tags, points and strokes: learns from what is sure which neighbouring places belong together, lets "
    "the sure places walk there, and a second network learns the masks.",
    paper="Ahn and Kwak 2018 (AffinityNet, arXiv 1803.10464); Ahn, Cho and Kwak 2019 (IRNet, arXiv 1904.05044)",
    license="Apache-2.0; encoder weights Apache-2.0",
)
