"""Who or what each pixel of a mask came from, kept as an index PNG beside the mask.

Values of the PNG, also named in exports:

====== ===========================================================================
value  meaning
====== ===========================================================================
0      not known
1      a person: painted, edited with the brush, or under a positive mark
2      a model version, as predicted
3      polished: a model's pixel that polishing changed
4      an interactive method, from a person's marks
5      imported with the image
6      a trained mask polisher, which changed what the model had said
====== ===========================================================================

Needs numpy only. Arrays are uint8 of shape (H, W), the size of the image.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models_zoo import IGNORE, UNLABELLED, encode_png

LabelMap = npt.NDArray[np.uint8]

UNKNOWN: Final = 0
PERSON: Final = 1
MODEL: Final = 2
POLISHED: Final = 3
INTERACTIVE: Final = 4
IMPORTED: Final = 5
POLISHER: Final = 6

NAMES: Final = {
    UNKNOWN: "unknown",
    PERSON: "person",
    MODEL: "model",
    POLISHED: "polished",
    INTERACTIVE: "interactive",
    IMPORTED: "imported",
    POLISHER: "mask polisher",
}


def uniform(shape: tuple[int, int], source: int) -> LabelMap:
    """Every pixel from one source; `shape` is (H, W)."""
    return np.full(shape, source, dtype=np.uint8)


def of_proposal(
    *, predicted: LabelMap, polished: LabelMap, seeds: LabelMap, replaced: LabelMap | None = None
) -> LabelMap:
    """A model's mask after polishing: marked pixels are the person's, changed ones polished, the rest the model's.

    Args:
        predicted: classes as the network gave them.
        polished: classes as they are offered.
        seeds: the person's marks drawn in, UNLABELLED elsewhere.
        replaced: classes that a trained polisher took away, IGNORE where it changed nothing; None without one.
    """
    source = np.where(predicted == polished, np.uint8(MODEL), np.uint8(POLISHED))
    if replaced is not None:
        source[replaced != IGNORE] = POLISHER
    source[(seeds != UNLABELLED) & (seeds == polished)] = PERSON
    return source


def of_interactive(*, label_map: LabelMap, seeds: LabelMap) -> LabelMap:
    """An interactive method's mask: marked pixels are the person's, the rest the method's."""
    source = uniform((label_map.shape[0], label_map.shape[1]), INTERACTIVE)
    source[(seeds != UNLABELLED) & (seeds == label_map)] = PERSON
    return source


def of_edit(*, parent: LabelMap, parent_source: LabelMap, edited: LabelMap) -> LabelMap:
    """A person's edit of a mask: what differs from the parent is theirs, the rest keeps its source."""
    return np.where(parent == edited, parent_source, np.uint8(PERSON))


def encode(source: LabelMap) -> bytes:
    """Index PNG of a provenance map; the same map always gives the same bytes."""
    return encode_png(source)
