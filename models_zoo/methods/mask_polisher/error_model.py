"""How a model errs, in a dozen numbers; torch-free.

Lengths are pixels of a picture whose long side is `REFERENCE_SIDE`, so that the numbers hold at every size. An *object*
is a connected piece of a class that is not the background.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

REFERENCE_SIDE = 256
DEPTHS = (1.5, 4.0, 10.0)
"""Distances to the nearest predicted border that part the four zones of `Sureness`."""
MIN_PAIRS = 5
"""From fewer pairs nothing is concluded: the default is used."""


class ErrorModelError(ValueError):
    """Numbers that describe no error model; the message names the one at fault."""


@dataclass(frozen=True)
class Blobs:
    """Spots that are wrong: how many, and how large.

    Attributes:
        rate: mean number an object (islands: an image).
        size: root of the mean spot's area, as a share of the root of the object's (islands: the image's) area.
    """

    rate: float
    size: float


@dataclass(frozen=True)
class Sureness:
    """Mean and spread of the best class's probability in the four zones of `DEPTHS`, from the border inwards."""

    means: tuple[float, float, float, float]
    spread: float


@dataclass(frozen=True, kw_only=True)
class ErrorModel:
    """What kinds of mistake a model makes, and how often; the defaults are those of a hastily trained one.

    Attributes:
        shift_mean: how far outwards borders of objects lie from the true ones; negative is inwards.
        shift_spread: standard deviation of that, along the border.
        holes: background inside objects.
        leaks: spots outside an object, grown together with it.
        islands: spots of a class where there is none of it.
        merges: chance that two near pieces of a class are one.
        swaps: class -> other class -> chance that an object of the one is taken for the other (or the background).
        right, wrong: how sure the model is where it is right, and where it is wrong.
        pairs: images it was measured on; 0 for the default.
    """

    shift_mean: float = 0.0
    shift_spread: float = 3.0
    holes: Blobs = Blobs(0.4, 0.2)
    leaks: Blobs = Blobs(0.5, 0.25)
    islands: Blobs = Blobs(0.4, 0.06)
    merges: float = 0.3
    swaps: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    right: Sureness = Sureness((0.7, 0.82, 0.9, 0.95), 0.08)
    wrong: Sureness = Sureness((0.65, 0.7, 0.75, 0.78), 0.12)
    pairs: int = 0

    def __post_init__(self) -> None:
        for name, value in self._numbers():
            if not math.isfinite(value):
                raise ErrorModelError(f"{name} must be a finite number; measure the errors again")
        least = (self.shift_spread, self.holes.rate, self.leaks.rate, self.islands.rate, self.merges)
        if min(least) < 0 or self.merges > 1:
            raise ErrorModelError("spreads and rates must be 0 or more, and merges at most 1; measure the errors again")
        for index, row in self.swaps.items():
            if any(chance < 0 for chance in row.values()) or sum(row.values()) > 1 + 1e-6:
                raise ErrorModelError(f"the swaps of class {index} must be chances; measure the errors again")

    def _numbers(self) -> list[tuple[str, float]]:
        found = [("shift_mean", self.shift_mean), ("shift_spread", self.shift_spread), ("merges", self.merges)]
        for name, blobs in (("holes", self.holes), ("leaks", self.leaks), ("islands", self.islands)):
            found += [(name, blobs.rate), (name, blobs.size)]
        found += [("swaps", chance) for row in self.swaps.values() for chance in row.values()]
        for name, sureness in (("right", self.right), ("wrong", self.wrong)):
            found += [(name, value) for value in (*sureness.means, sureness.spread)]
        return found

    def to_json(self) -> str:
        """As text; `from_json` reads it back."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"


def from_json(text: str) -> ErrorModel:
    """Read what `to_json` wrote. Raises ErrorModelError for anything else."""
    try:
        data = json.loads(text)
        for name in ("holes", "leaks", "islands"):
            data[name] = Blobs(**data[name])
        for name in ("right", "wrong"):
            a, b, c, d = (float(value) for value in data[name]["means"])
            data[name] = Sureness((a, b, c, d), float(data[name]["spread"]))
        data["swaps"] = {
            int(index): {int(other): float(chance) for other, chance in row.items()}
            for index, row in data["swaps"].items()
        }
        return ErrorModel(**data)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, ErrorModelError):
            raise
        raise ErrorModelError("these are not the numbers of an error model; measure the errors again") from error
