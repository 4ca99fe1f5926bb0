"""COCO instances: one annotation for each class present in an image, as compressed run lengths.

Category ids are class indexes, the background included, so that the label map comes back bit for bit: pixels in no
annotation are *ignore*. `iscrowd` is 0 and `area` counts the mask's pixels. Without pictures `file_name` is the
image's own name, with them the path in the archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labeling.exporters.archive import Archive, dump, json_document
from labeling.exporters.dataset import DatasetHeader, FrozenImage
from labeling.exporters.enlarging import enlarged_rle
from models_zoo import IGNORE, Rle, coco_rle, pixel_counts, rle_area, rle_bbox


class CocoWriter:
    """Collects lines in scratch files, so that memory does not grow with the data set."""

    def __init__(self, archive: Archive, header: DatasetHeader, *, scratch: Path, with_images: bool) -> None:
        self._archive = archive
        self._header = header
        self._with_images = with_images
        self._image_lines = scratch / "coco-images.jsonl"
        self._annotation_lines = scratch / "coco-annotations.jsonl"
        self._images = self._image_lines.open("w", encoding="utf-8")
        self._annotations = self._annotation_lines.open("w", encoding="utf-8")
        self._last_id = 0

    def add(self, image: FrozenImage, label_map: npt.NDArray[np.uint8]) -> None:
        """One image line, and a line for each class in `label_map`, uint8 (H, W)."""
        self._images.write(
            dump(
                {
                    "id": image.id,
                    "file_name": image.export_picture if self._with_images else image.name,
                    "width": image.full_size[0],
                    "height": image.full_size[1],
                    "split": image.split,
                    "sha256": image.sha256,
                }
            )
            + "\n"
        )
        for index in pixel_counts(label_map):
            if index != IGNORE:
                self._last_id += 1
                rle = _run_lengths(image, label_map == index)
                self._annotations.write(dump(_annotation(self._last_id, image.id, index, rle)) + "\n")

    def finish(self) -> None:
        """Write annotations.json."""
        self._images.close()
        self._annotations.close()
        head = {
            "info": {"description": self._header.project, "version": "1"},
            "licenses": [],
            "categories": [
                {
                    "id": item.index,
                    "name": item.name,
                    "supercategory": "",
                    "color": item.color,
                    "is_background": item.is_background,
                }
                for item in self._header.classes
            ],
        }
        lists = {"images": _lines(self._image_lines), "annotations": _lines(self._annotation_lines)}
        self._archive.add_text("annotations.json", json_document(head, lists))


def _run_lengths(image: FrozenImage, inside: npt.NDArray[np.bool_]) -> Rle:
    """At the picture's size, of a mask that is bool (H, W)."""
    return coco_rle(inside) if image.mask_scale == 1 else enlarged_rle(inside, image.mask_scale, image.full_size)


def _annotation(number: int, image_id: int, index: int, rle: Rle) -> dict[str, object]:
    return {
        "id": number,
        "image_id": image_id,
        "category_id": index,
        "segmentation": rle,
        "area": rle_area(rle),
        "bbox": rle_bbox(rle),
        "iscrowd": 0,
    }


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield line.rstrip("\n")
