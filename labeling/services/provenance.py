"""Where the pixels of stored masks come from: of one source as a whole, or pixel by pixel in a blob."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labeling import provenance, storage
from labeling.models import Mask
from models_zoo import IGNORE, decode_png

LabelMap = npt.NDArray[np.uint8]

SOURCES = {
    Mask.Origin.PAINTED: provenance.PERSON,
    Mask.Origin.EDITED: provenance.UNKNOWN,
    Mask.Origin.MODEL: provenance.MODEL,
    Mask.Origin.POLISHED: provenance.POLISHED,
    Mask.Origin.INTERACTIVE: provenance.INTERACTIVE,
    Mask.Origin.IMPORTED: provenance.IMPORTED,
}


def read_label_map(mask: Mask) -> LabelMap:
    """The stored label map, uint8 (H, W). Raises FileNotFoundError if its blob is gone."""
    return decode_png(storage.read(mask.blob))


def read_provenance(mask: Mask, label_map: LabelMap | None = None) -> LabelMap:
    """Source of each pixel, uint8 (H, W), values of `labeling.provenance`.

    A mask without a blob of its own comes from one source as a whole; its ignored pixels come from nobody.
    """
    if mask.provenance:
        return decode_png(storage.read(mask.provenance))
    values = read_label_map(mask) if label_map is None else label_map
    source = provenance.uniform((values.shape[0], values.shape[1]), SOURCES[Mask.Origin(mask.origin)])
    source[values == IGNORE] = provenance.UNKNOWN
    return source


def store_edit(*, edited: LabelMap, parent: Mask) -> str:
    """Blob of an edit's provenance: what differs from the parent is the person's, the rest keeps its source."""
    before = read_label_map(parent)
    source = provenance.of_edit(parent=before, parent_source=read_provenance(parent, before), edited=edited)
    return storage.put("provenance", provenance.encode(source), suffix="png").name
