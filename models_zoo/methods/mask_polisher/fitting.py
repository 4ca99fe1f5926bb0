"""From a model and accepted masks to a polisher that is known to help, or not to.

Measure how the model errs, train on masks spoilt alike, set the temperature on the val split, and compare proposals
with and without the polisher there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.data.dataset import load_mask, load_rgb
from models_zoo.engine import FitCallbacks, FitResult, Prediction, Predictor, checkpoint, fit, load_predictor
from models_zoo.engine.evaluate import Validation
from models_zoo.errors import TrainingError
from models_zoo.info import MethodConfig
from models_zoo.marks import IGNORE
from models_zoo.methods.mask_polisher.error_model import ErrorModel
from models_zoo.methods.mask_polisher.info import INFO
from models_zoo.methods.mask_polisher.measuring import Pair, measure
from models_zoo.methods.mask_polisher.polisher import MaskPolisher, load_polisher
from models_zoo.methods.mask_polisher.spoilt import ERRORS
from models_zoo.metrics import segmentation_iou
from models_zoo.metrics.calibration import BINS
from models_zoo.polish.proposal import Polished, polish, refined
from models_zoo.snapshot import Snapshot, SnapshotError, SnapshotImage, read

MIN_VALIDATION_MASKS = 3
"""Fewer cannot show that a polisher helps; it is then not used."""
_MAX_IMAGES = 60
_MAX_CELLS = 4000
_TEMPERATURES = np.exp(np.linspace(np.log(0.4), np.log(4.0), 40))

Check = Callable[[], None]
LabelMap = npt.NDArray[np.uint8]


class Gain(TypedDict):
    """Proposals without and with the polisher on the same val images: mean IoU and calibration error."""

    before: float
    after: float
    ece_before: float
    ece_after: float


@dataclass(frozen=True)
class Polishing:
    """A trained polisher's folder, steps and losses, and what the val split says of it.

    ``gain`` is None where val has fewer than `MIN_VALIDATION_MASKS` accepted masks.
    """

    fitted: FitResult
    validation: Validation
    gain: Gain | None


def train_polisher(
    *,
    model: Path,
    config: MethodConfig,
    snapshot_dir: Path,
    work_dir: Path,
    seed: int,
    callbacks: FitCallbacks,
    device: str = "auto",
    check: Check = lambda: None,
) -> Polishing:
    """Train a polisher for a model's proposals on a snapshot's accepted masks; resumable like `fit`.

    Args:
        model: weights folder of the model whose proposals are to be mended; its encoder is taken over if it is alike.
        check: called between parts, may raise to stop. The rest is as for `fit`.

    Raises:
        TrainingError: for reasons a person can mend.
    """
    try:
        snapshot, predictor = read(snapshot_dir), load_predictor(model, device)
    except (SnapshotError, checkpoint.CheckpointError) as error:
        raise TrainingError(f"a mask polisher cannot be trained: {error}") from error
    measured = measure_errors(predictor, snapshot, check)
    (snapshot_dir / ERRORS).write_text(measured.to_json())
    fitted = fit(
        method=INFO.name,
        config=config,
        snapshot_dir=snapshot_dir,
        work_dir=work_dir,
        seed=seed,
        callbacks=callbacks,
        device=device,
        init_weights=model,
    )
    set_temperature(fitted.weights_dir, predictor, snapshot, check)
    polisher = load_polisher(fitted.weights_dir, device)
    validation, gain = compare(predictor, polisher, snapshot, check)
    return Polishing(fitted, validation, gain)


def measure_errors(predictor: Predictor, snapshot: Snapshot, check: Check = lambda: None) -> ErrorModel:
    """How the model's refined predictions differ from accepted masks: of val where it has enough, else of all."""
    held_back = [image for image in snapshot.split("val") if image.mask is not None]
    images = held_back if len(held_back) >= 2 * MIN_VALIDATION_MASKS else [i for i in snapshot.images if i.mask]
    return measure(_pairs(predictor, snapshot, _some(images), check), snapshot.background)


def _pairs(predictor: Predictor, snapshot: Snapshot, images: list[SnapshotImage], check: Check) -> Iterator[Pair]:
    for image, rgb, truth, prediction in _predicted(predictor, snapshot, images, check):
        kept, scores = refined(prediction, rgb, refiner=predictor.refiner)
        size = scores.shape[2], scores.shape[1]
        truth = np.asarray(cv2.resize(truth, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        if truth.shape != scores.shape[1:]:
            raise TrainingError(f"the mask of image {image.id} is not of its size: accept it again")
        yield Pair(np.asarray(kept, np.uint8)[scores.argmax(axis=0)], truth, scores.max(axis=0))


def _predicted(
    predictor: Predictor, snapshot: Snapshot, images: list[SnapshotImage], check: Check
) -> Iterator[tuple[SnapshotImage, npt.NDArray[np.uint8], LabelMap, Prediction]]:
    for image in images:
        check()
        rgb = load_rgb(snapshot.path(image.file))
        truth = load_mask(snapshot.path(str(image.mask)), (image.width, image.height))
        truth = np.where(np.isin(truth, predictor.class_indices), truth, np.uint8(IGNORE))
        (prediction,) = predictor.predict_batch([rgb])
        yield image, rgb, truth, prediction


def _some(images: list[SnapshotImage]) -> list[SnapshotImage]:
    """At most 60, evenly spread."""
    places = np.linspace(0, len(images) - 1, min(_MAX_IMAGES, len(images))).astype(int)
    return [images[place] for place in places]


def set_temperature(weights_dir: Path, predictor: Predictor, snapshot: Snapshot, check: Check = lambda: None) -> float:
    """Write the temperature that makes probabilities on val likeliest into the weights; 1 where val has no masks."""
    polisher = load_polisher(weights_dir, "cpu")
    found: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]] = []
    images = _some([image for image in snapshot.split("val") if image.mask is not None])
    for _, rgb, truth, prediction in _predicted(predictor, snapshot, images, check):
        kept, scores = refined(prediction, rgb, refiner=predictor.refiner)
        if len(kept) > 1:
            found.append(_sampled(polisher.logits(rgb, scores)[1], kept, truth))
    best = likeliest_temperature(found)
    tensors, manifest = checkpoint.load_folder(weights_dir)
    tensors["temperature"] = tensors["temperature"].new_tensor(best)
    checkpoint.save_folder(weights_dir, tensors, {k: v for k, v in manifest.items() if k not in ("format", "sha256")})
    return best


def _sampled(
    logits: npt.NDArray[np.float32], kept: list[int], truth: LabelMap
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Logits (C, N) and what is true (C, N) of some cells that have one of the classes."""
    small = cv2.resize(truth, (logits.shape[2], logits.shape[1]), interpolation=cv2.INTER_NEAREST)
    cells = np.flatnonzero(np.isin(small, kept))
    cells = cells[:: max(1, len(cells) // _MAX_CELLS)]
    return logits.reshape(len(kept), -1)[:, cells], small.ravel()[cells] == np.array(kept)[:, None]


def likeliest_temperature(found: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]]) -> float:
    """The temperature under which what is true has the greatest probability, of 40 from 0.4 to 4; 1 without any.

    Each pair is logits (C, N) and truth (C, N); classes' own probabilities are made to sum to 1, as in use.
    """
    from models_zoo.methods.mask_polisher.polisher import joined

    if not any(logits.size for logits, _ in found):
        return 1.0
    losses = [
        sum(float(-np.log(joined(logits / np.float32(t))[truth] + 1e-12).sum()) for logits, truth in found)
        for t in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def compare(
    predictor: Predictor, polisher: MaskPolisher, snapshot: Snapshot, check: Check = lambda: None
) -> tuple[Validation, Gain | None]:
    """Proposals with and without the polisher on val; ``value`` is the mean IoU with it, None with too few masks."""
    images = [image for image in snapshot.split("val") if image.mask is not None]
    pairs: list[list[tuple[LabelMap, LabelMap]]] = [[], []]
    errors = [Reliability(), Reliability()]
    if len(images) >= MIN_VALIDATION_MASKS:
        for _, rgb, truth, prediction in _predicted(predictor, snapshot, images, check):
            for number, used in enumerate((None, polisher)):
                made = polish(prediction, rgb, refiner=predictor.refiner, polisher=used)
                pairs[number].append((truth, made.label_map))
                errors[number].add(truth, made)
    before, after = (segmentation_iou(part, predictor.class_indices) for part in pairs)
    validation: Validation = {
        "value": after["miou"],
        "kind": "polished_miou",
        "n": len(pairs[0]),
        "per_class": after["per_class"],
    }
    if before["miou"] is None or after["miou"] is None:
        return validation, None
    ece_before, ece_after = (error.ece for error in errors)
    return validation, {
        "before": before["miou"],
        "after": after["miou"],
        "ece_before": ece_before,
        "ece_after": ece_after,
    }


class Reliability:
    """Expected calibration error of proposals: how far their confidence is from how often they are right."""

    def __init__(self) -> None:
        self._counts = np.zeros((3, BINS))

    def add(self, truth: LabelMap, made: Polished) -> None:
        """Count the pixels of one proposal that have a true class."""
        known = truth != IGNORE
        confidence = made.confidence[known] / 255
        place = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
        for layer, weights in enumerate((None, confidence, made.label_map[known] == truth[known])):
            self._counts[layer] += np.bincount(place, weights=weights, minlength=BINS)

    @property
    def ece(self) -> float:
        """0 without any pixel."""
        pixels, confidence, right = self._counts
        return float(np.abs(confidence - right).sum() / max(1.0, pixels.sum()))
