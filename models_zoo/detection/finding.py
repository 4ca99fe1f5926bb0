"""Boxes of pictures by trained weights, as instances and as a COCO file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models_zoo.data.dataset import fit_size, resize_rgb
from models_zoo.engine.evaluate import ClassEntry, load_predictor
from models_zoo.engine.seeding import mixed_precision
from models_zoo.errors import TrainingError
from models_zoo.methods.base import TrainingTask
from models_zoo.metrics.average_precision import Instance
from models_zoo.metrics.localisation import Box
from models_zoo.networks.detector import Found
from models_zoo.networks.encoders import pad_to_multiple

Rgb = npt.NDArray[np.uint8]


class FindsBoxes(Protocol):
    """What a task whose method ``detects`` also has."""

    def find(self, rgb_BHWC: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Found]:
        """Boxes of each uint8 image in the upper left part of the canvas that is its (width, height)."""


class BoxFinder:
    """A trained detector; make one with `load_finder`.

    Attributes:
        classes: the classes it was trained on, by index, the background among them.
        objects: indices of those it finds.
    """

    def __init__(
        self, task: FindsBoxes, classes: tuple[ClassEntry, ...], image_size: int, device: torch.device
    ) -> None:
        self._task, self._device, self._image_size = task, device, image_size
        self.classes = classes
        self.objects = tuple(sorted(item["index"] for item in classes if not item["is_background"]))

    def find(self, rgb: Rgb) -> list[Instance]:
        """Boxes in an RGB image, uint8 (H, W, 3), in its own pixels, surest first, at most 100."""
        height, width = rgb.shape[:2]
        size = fit_size(width, height, self._image_size)
        small = torch.from_numpy(resize_rgb(rgb, size)).to(self._device)
        padded = pad_to_multiple(small.permute(2, 0, 1)[None].float()).byte().permute(0, 2, 3, 1)
        with mixed_precision(self._device):
            (found,) = self._task.find(padded, [size])
        back = np.array([width / size[0], height / size[1]] * 2)
        boxes = found.boxes_N4.float().cpu().numpy() * back
        return [
            Instance(class_index=self.objects[label], box=(x0, y0, x1, y1), score=score)
            for (x0, y0, x1, y1), label, score in zip(
                boxes.tolist(), found.labels_N.tolist(), found.scores_N.tolist(), strict=True
            )
        ]


def load_finder(weights_dir: Path, device: str = "auto") -> BoxFinder:
    """Load the weights that a method which finds boxes wrote.

    Raises:
        CheckpointError: missing or damaged files.
        TrainingError: weights of a method that makes masks.
    """
    predictor = load_predictor(weights_dir, device)
    if not predictor.info.detects:
        raise TrainingError(f"{predictor.info.name} finds no boxes: give weights of a method that does")
    task: TrainingTask = predictor.task
    return BoxFinder(task, predictor.classes, predictor.image_size, predictor.device)  # type: ignore[arg-type]


def coco_detections(
    classes: Sequence[ClassEntry], pictures: Sequence[tuple[str, tuple[int, int]]], found: Sequence[Sequence[Instance]]
) -> Mapping[str, object]:
    """What was found in pictures (file name, (width, height)) as a COCO data set whose annotations have a score."""
    rows = [
        _annotation(number, one, one.box)
        for number, instances in enumerate(found, start=1)
        for one in instances
        if one.box is not None
    ]
    return {
        "images": [
            {"id": number, "file_name": name, "width": width, "height": height}
            for number, (name, (width, height)) in enumerate(pictures, start=1)
        ],
        "categories": [{"id": item["index"], "name": item["name"]} for item in classes if not item["is_background"]],
        "annotations": [{"id": number, **row} for number, row in enumerate(rows, start=1)],
    }


def _annotation(image: int, one: Instance, box: Box) -> dict[str, object]:
    x0, y0, x1, y1 = box
    return {
        "image_id": image,
        "category_id": one.class_index,
        "bbox": [round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0)],
        "area": round((x1 - x0) * (y1 - y0), 2),
        "iscrowd": 0,
        "score": round(one.score, 4),
    }


def write_coco(path: Path, content: Mapping[str, object]) -> None:
    """Write it as JSON; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n")
