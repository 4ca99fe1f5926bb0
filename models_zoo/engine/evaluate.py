"""Prediction with trained weights, and validation.

Shape letters: B batch, C classes, H height, W width, h and w a quarter of the network's input.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models_zoo.data.dataset import fit_size, load_mask, load_rgb, resize_rgb
from models_zoo.engine import checkpoint
from models_zoo.engine.seeding import choose_device, mixed_precision
from models_zoo.info import MethodConfig, MethodInfo, parse_config
from models_zoo.marks import IGNORE, UNLABELLED, rasterize
from models_zoo.methods.base import Prediction, TaskContext, TrainingTask
from models_zoo.metrics.confusion import mark_accuracy, segmentation_iou
from models_zoo.networks.encoders import pad_to_multiple
from models_zoo.networks.segmenter import OUTPUT_STRIDE
from models_zoo.refiners.info import DEFAULT as DEFAULT_REFINER
from models_zoo.registry import get_method, load_entry
from models_zoo.snapshot import Snapshot, SnapshotImage, read

MIN_VALIDATION_MASKS = 5
_CHUNK = 8


class ClassEntry(TypedDict):
    """A class as the weights' manifest holds it."""

    index: int
    name: str
    is_background: bool


class Validation(TypedDict):
    """How good a model is on the val split, and what that number is; boxes are also measured at single overlaps."""

    value: float | None
    kind: Literal["miou", "mark_accuracy", "click_iou", "polished_miou", "box_ap"]
    n: int
    per_class: dict[int, float]
    ap50: NotRequired[float | None]
    ap75: NotRequired[float | None]


class Predictor:
    """A trained model; make one with `load_predictor`.

    Attributes:
        info: the method.
        task: its networks.
        device: where they are.
        classes: the classes it was trained on, by index.
        class_indices: their indices.
        refiner: name of the refiner its settings choose for proposals.
    """

    def __init__(
        self,
        info: MethodInfo,
        task: TrainingTask,
        classes: tuple[ClassEntry, ...],
        image_size: int,
        device: torch.device,
        *,
        refiner: str = DEFAULT_REFINER,
    ) -> None:
        self.info = info
        self.task = task
        self.device = device
        self.image_size = image_size
        self.classes = classes
        self.refiner = refiner
        self.class_indices = tuple(item["index"] for item in classes)

    def predict_batch(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Prediction]:
        """Predict RGB images, uint8 (H, W, 3) of any sizes; each result covers its whole image.

        The picture and its mirror image are averaged; `Prediction.views` has both. Images of like shape run together.
        """
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, rgb in enumerate(images):
            groups[fit_size(rgb.shape[1], rgb.shape[0], self.image_size)].append(number)
        results: dict[int, Prediction] = {}
        for size, numbers in groups.items():
            for start in range(0, len(numbers), _CHUNK):
                chunk = numbers[start : start + _CHUNK]
                small = np.stack([resize_rgb(images[number], size) for number in chunk])
                for number, probabilities, views in zip(chunk, *self._run(small), strict=True):
                    results[number] = Prediction(probabilities, self.class_indices, views)
        return [results[number] for number in range(len(images))]

    @torch.no_grad()
    def _run(self, rgb_BHWC: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """(B, H, W, 3) -> the mean (B, C, h, w) and its two views (B, 2, C, h, w); h = ceil(H/4), w = ceil(W/4)."""
        height, width = rgb_BHWC.shape[1:3]
        images = torch.from_numpy(rgb_BHWC).to(self.device)
        padded = pad_to_multiple(images.permute(0, 3, 1, 2).float()).round().byte().permute(0, 2, 3, 1)
        with mixed_precision(self.device):
            plain: Tensor = self.task.predict(padded)
            mirrored: Tensor = self.task.predict(padded.flip(2)).flip(3)
        rows, columns = -(-height // OUTPUT_STRIDE), -(-width // OUTPUT_STRIDE)
        views = torch.stack([plain, mirrored], dim=1)[..., :rows, :columns].float()
        mean = ((plain + mirrored)[..., :rows, :columns] / 2).float()
        return np.asarray(mean.cpu().numpy(), np.float32), np.asarray(views.cpu().numpy(), np.float32)


def load_predictor(weights_dir: Path, device: str = "auto") -> Predictor:
    """Load the weights a training run wrote.

    Raises:
        CheckpointError: missing or damaged files.
    """
    weights, manifest = checkpoint.load_folder(weights_dir)
    info = get_method(str(manifest["method"]))
    config: MethodConfig = parse_config(info, _mapping(manifest["config"]))
    classes: tuple[ClassEntry, ...] = tuple(manifest["classes"])  # type: ignore[arg-type]
    context = TaskContext(
        num_classes=len(classes),
        class_weights_C=torch.ones(len(classes)),
        seed=0,
        background=next((at for at, item in enumerate(classes) if item["is_background"]), None),
        class_names=tuple(item["name"] for item in classes),
    )
    task: TrainingTask = load_entry(info.entry)(config, context, pretrained=False)
    task.load_weights(weights, strict=True)
    chosen = choose_device(device)
    task.module().to(chosen).eval()
    refiner = str(getattr(config, "refiner", DEFAULT_REFINER))
    return Predictor(info, task, classes, int(str(manifest["image_size"])), chosen, refiner=refiner)


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise checkpoint.CheckpointError("manifest.json: config is damaged; train again")
    return value


def label_map(prediction: Prediction, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Most probable class index a pixel at image size, uint8 (height, width), without any polishing.

    Classes are enlarged one at a time, keeping the best so far: memory does not grow with their number.
    """
    best = np.full((height, width), -1.0, np.float32)
    chosen = np.zeros((height, width), np.uint8)
    for index, probability in zip(prediction.class_indices, prediction.probabilities, strict=True):
        enlarged = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
        better = enlarged > best
        best[better] = enlarged[better]
        chosen[better] = index
    return chosen


def validate(predictor: Predictor, snapshot_dir: Path, *, check: Callable[[], None] = lambda: None) -> Validation:
    """Measure a model on the val split. `check` is called every few images and may raise to stop.

    mIoU on accepted masks when there are at least `MIN_VALIDATION_MASKS`; else the share of pixels under
    positive strokes and points that the model gets right, every class counting alike. `value` is None when the
    val split has neither; `n` counts the images used.
    """
    snapshot = read(snapshot_dir)
    images = snapshot.split("val")
    masked = [image for image in images if image.mask is not None]
    if len(masked) >= MIN_VALIDATION_MASKS:
        return _validate_masks(predictor, snapshot, masked, check)
    return _validate_marks(predictor, snapshot, [image for image in images if image.marks], check)


def _predict(
    predictor: Predictor, snapshot: Snapshot, images: Sequence[SnapshotImage], check: Callable[[], None]
) -> list[npt.NDArray[np.uint8]]:
    maps = []
    for start in range(0, len(images), _CHUNK):
        check()
        chunk = images[start : start + _CHUNK]
        predictions = predictor.predict_batch([load_rgb(snapshot.path(image.file)) for image in chunk])
        maps += [
            label_map(prediction, image.width, image.height)
            for prediction, image in zip(predictions, chunk, strict=True)
        ]
    return maps


def _validate_masks(
    predictor: Predictor, snapshot: Snapshot, images: list[SnapshotImage], check: Callable[[], None]
) -> Validation:
    truths = [load_mask(snapshot.path(image.mask), (image.width, image.height)) for image in images if image.mask]
    # Pixels of a class that was retired since can be neither right nor wrong.
    truths = [np.where(np.isin(truth, snapshot.class_indices), truth, np.uint8(IGNORE)) for truth in truths]
    found = segmentation_iou(
        list(zip(truths, _predict(predictor, snapshot, images, check), strict=True)), snapshot.class_indices
    )
    return {"value": found["miou"], "kind": "miou", "n": len(images), "per_class": found["per_class"]}


def _validate_marks(
    predictor: Predictor, snapshot: Snapshot, images: list[SnapshotImage], check: Callable[[], None]
) -> Validation:
    drawn = [(image, rasterize(image.marks, width=image.width, height=image.height).seeds) for image in images]
    useful = [(image, seeds) for image, seeds in drawn if (seeds != UNLABELLED).any()]
    maps = _predict(predictor, snapshot, [image for image, _ in useful], check)
    found = mark_accuracy([(seeds, pred) for (_, seeds), pred in zip(useful, maps, strict=True)])
    return {
        "value": found["accuracy"],
        "kind": "mark_accuracy",
        "n": len(useful),
        "per_class": found["per_class"],
    }
