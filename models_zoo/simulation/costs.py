"""Seconds that annotation takes: published figures where there are any, guesses where not.

Bearman et al., ECCV 2016 (question, point, squiggle, full mask); Papadopoulos et al., ICCV 2017
(box by extreme clicks). Looking, accepting and rejecting are guesses between those.
"""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.label_map import LabelMap, pixel_counts
from models_zoo.marks import IGNORE, MarkKind

MIN_REGION_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class CostTable:
    """Median seconds of each act."""

    look: float = 1.5
    question: float = 1.0
    accept: float = 1.5
    reject: float = 2.0
    point: float = 2.4
    corrective_click: float = 2.5
    scribble: float = 10.9
    box: float = 7.0
    full_region: float = 79.0

    def mark(self, kind: MarkKind) -> float:
        """Seconds for one mark; a tag is the answer to one question."""
        by_kind = {
            MarkKind.TAG: self.question,
            MarkKind.POINT: self.point,
            MarkKind.SCRIBBLE: self.scribble,
            MarkKind.BOX: self.box,
        }
        return by_kind[kind]


COSTS = CostTable()


def full_mask_seconds(label_map: LabelMap, costs: CostTable = COSTS) -> float:
    """Seconds to outline an image in full: a look, and one outline for each class present.

    A class counts once, however many pieces it has, if it covers at least 1 % of the image; IGNORE
    is not outlined.
    """
    enough = MIN_REGION_SHARE * label_map.size
    regions = sum(1 for value, count in pixel_counts(label_map).items() if value != IGNORE and count >= enough)
    return costs.look + costs.full_region * regions
