"""Which split an image belongs to: decided once, at import, by a hash, so that nobody can steer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from labeling.models import Split

# Name of the image and sha256 of its bytes -> split.
Splitter = Callable[[str, str], Split]

_SHARES_BY_HASH: Final = (0.8, 0.1)  # train, val; the rest is test


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


def fixed_splits(splits: Mapping[str, str]) -> Splitter:
    """A splitter that looks names up; names it does not know are dealt by hash."""
    return lambda name, sha256: Split(splits[name]) if name in splits else split_by_hash(name, sha256)
