"""What to simulate, and the parts it falls into: one a seed and arm, each kept once it is finished."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

LABELS = ("scribbles", "points", "boxes", "tags", "mixed")
STRATEGIES = ("random", "uncertainty")
Arm = Literal["weak", "full"]

MEND_STROKES = 3
CORRECTIONS = 1
# Taking regions teaches what is easy; docs/benchmarks.md has the figures.
TAKE_REGIONS = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One simulation. `budget_images` 0 means all images outside the test split; `steps` 0 lets effort decide.

    A proposal that takes more than `mend_strokes` strokes to mend, and more than marking it anew, is rejected (0 mends
    nothing); the mask under the pen is corrected by strokes on up to three wrong places first, `corrections` times. Of
    a mask that is rejected all the same, up to `take_regions` regions are looked at and the right ones taken.
    """

    data: str
    labels: str
    strategy: str
    rounds: int
    budget_images: int
    effort: str = "normal"
    image_size: int = 256
    steps: int = 0
    mend_strokes: int = MEND_STROKES
    corrections: int = CORRECTIONS
    take_regions: int = TAKE_REGIONS

    @property
    def key(self) -> str:
        """Names the plan: parts of different plans never mix."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return f"{Path(self.data).name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One seed and arm of a plan, as its own process gets it.

    `names` are the images of the weak arm, which the full arm labels too; `minutes` caps this part, 0 is no cap.
    """

    plan: Plan
    seed: int
    arm: Arm
    out: str
    names: tuple[str, ...] = ()
    minutes: float = 0.0
    longer: bool = False  # the last training is also tried three times as long, and the better one kept

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Part:
        values: dict[str, Any] = json.loads(text)
        values["plan"] = Plan(**values["plan"])
        values["names"] = tuple(values["names"])
        return cls(**values)
