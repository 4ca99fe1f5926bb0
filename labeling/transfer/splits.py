"""Which split an image belongs to: decided once, at import, by a hash, so that nobody can steer it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Final

from labeling.models import Split

# Name of the image and sha256 of its bytes -> split.
Splitter = Callable[[str, str], Split]

_SHARES_BY_HASH: Final = (0.8, 0.1)  # train, val; the rest is test
_SHARES_BY_NAME: Final = (0.6, 0.2)


def split_by_hash(name: str, sha256: str) -> Split:
    """80 % train, 10 % val, 10 % test, from the image's bytes alone: the same picture always lands in the same one."""
    del name
    share = int(sha256[:8], 16) / 16**8
    if share < _SHARES_BY_HASH[0]:
        return Split.TRAIN
    return Split.VAL if share < sum(_SHARES_BY_HASH) else Split.TEST


def order_key(sha256: str) -> float:
    """A number in [0, 1) that orders a project's images at random but always alike; other digits than the split's."""
    return int(sha256[8:20], 16) / 16**12


def split_by_names(names: Iterable[str], *, group_of: Callable[[str], str] = str) -> dict[str, Split]:
    """60 % train, 20 % val, 20 % test of `names`, in the order of the sha256 of the name (of its group, if grouped).

    Whole groups go to one split, so frames of one drive never face each other across it.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(group_of(name), []).append(name)
    total = sum(len(members) for members in groups.values())
    dealt, splits = 0, {}
    for group in sorted(groups, key=lambda group: (hashlib.sha256(group.encode()).hexdigest(), group)):
        # By the middle of the group: a large one goes where most of it belongs.
        share = (dealt + len(groups[group]) / 2) / total
        split = Split.TRAIN if share < _SHARES_BY_NAME[0] else Split.VAL if share < sum(_SHARES_BY_NAME) else Split.TEST
        splits.update(dict.fromkeys(groups[group], split))
        dealt += len(groups[group])
    return splits


def fixed_splits(splits: dict[str, Split]) -> Splitter:
    """A splitter that looks names up; names it does not know are dealt by hash."""
    return lambda name, sha256: splits.get(name) or split_by_hash(name, sha256)
