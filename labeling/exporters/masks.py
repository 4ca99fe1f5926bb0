"""Index PNGs as PASCAL VOC has them: the value of a pixel is its class, 255 is ignore, colours are the classes'.

The archive has the layout that the import reads: images/, masks/ and classes.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labeling.exporters.archive import Archive
from labeling.exporters.dataset import DatasetHeader, FrozenImage
from labeling.exporters.enlarging import enlarged_png
from models_zoo import encode_png, voc_palette

_SPLITS = ("train", "val", "test")


class MaskWriter:
    """Writes each mask at once; at the end the classes and a list of stems for each split."""

    def __init__(self, archive: Archive, header: DatasetHeader, *, scratch: Path, with_images: bool) -> None:
        self._archive = archive
        self._header = header
        self._palette = _palette(header)
        self._lists = {name: (scratch / f"split-{name}.txt").open("w", encoding="utf-8") for name in _SPLITS}
        self._scratch = scratch

    def add(self, image: FrozenImage, label_map: npt.NDArray[np.uint8]) -> None:
        """One PNG of the picture's size; `label_map` is uint8 (H, W)."""
        name = f"masks/{image.export_stem}.png"
        if image.mask_scale == 1:
            self._archive.add_bytes(name, encode_png(label_map, self._palette))
        else:
            width, height = image.full_size
            pieces = enlarged_png(label_map, image.mask_scale, image.full_size, self._palette)
            self._archive.add_pieces(name, pieces, size=width * height)
        self._lists[image.split].write(image.export_stem + "\n")

    def finish(self) -> None:
        """Write classes.json and splits/*.txt."""
        self._archive.add_text("classes.json", [_classes_json(self._header)])
        for name, stream in self._lists.items():
            stream.close()
            with (self._scratch / f"split-{name}.txt").open(encoding="utf-8") as lines:
                self._archive.add_text(f"splits/{name}.txt", lines)


def _palette(header: DatasetHeader) -> list[tuple[int, int, int]]:
    """The classes' own colours where there is a class, VOC's elsewhere."""
    colours = list(voc_palette())
    for item in header.classes:
        colours[item.index] = item.rgb
    return colours


def _classes_json(header: DatasetHeader) -> str:
    classes = [
        {"index": item.index, "name": item.name, "color": item.color, "is_background": item.is_background}
        for item in header.classes
    ]
    return json.dumps({"name": header.project, "ignore": 255, "classes": classes}, indent=1, ensure_ascii=False) + "\n"
