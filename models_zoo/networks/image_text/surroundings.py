"""Words for what may be around the things that somebody looks for."""

from __future__ import annotations

from collections.abc import Sequence

SURROUNDINGS = (
    "ground", "grass", "tree", "building", "wall", "sky", "water", "road", "land", "sea", "river", "lake", "cloud",
    "mountain", "rock", "street", "bridge", "house", "floor", "ceiling", "sand", "soil", "snow", "shadow", "fence",
)  # fmt: skip
"""25 things that may be around what somebody looks for: without such rivals every place looks like the class."""


def surroundings(names: Sequence[str]) -> list[str]:
    """Those that are not among the class names."""
    known = {name.lower() for name in names}
    return [word for word in SURROUNDINGS if word not in known]
