"""From images of the pool to stored offers: predict, polish with the marks kept, keep the blobs.

Shape letters: C classes, H height, W width of an image; h, w of the prediction.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from django.conf import settings
from PIL import Image as PILImage

from labeling import provenance, storage
from labeling.errors import PermanentError, TransientError
from labeling.ml import weights
from labeling.ml.ranking import batch_scores
from labeling.ml.running import as_job_errors
from labeling.models import Image, ModelVersion
from labeling.selectors.interactive import polishing_version
from labeling.services.offers import Offer
from models_zoo import Mark, TrainingError, encode_png, pixel_counts, rasterize
from models_zoo.engine import Prediction, label_map, load_predictor
from models_zoo.interactive.prior import encode_prior, quantised
from models_zoo.methods.mask_polisher.polisher import MaskPolisher, load_polisher
from models_zoo.polish import Polished, polish

logger = logging.getLogger(__name__)

BATCH_IMAGES = 32
BATCH_PIXELS = 64_000_000  # a batch of large images is a smaller one: memory stays within a few hundred MiB

Rgb = npt.NDArray[np.uint8]


class Proposer:
    """A model version at work on the pool."""

    def __init__(self, version: ModelVersion) -> None:
        """Load the weights. Raises PermanentError (damaged) or TransientError (storage)."""
        with as_job_errors():
            self._number = version.number
            self._predictor = load_predictor(weights.fetch(version), device=settings.DEVICE)
            self._polisher = _polisher(version)
        self._background = next((item["index"] for item in self._predictor.classes if item["is_background"]), None)

    def offers(
        self, images: Sequence[Image], marks: dict[int, list[Mark]], *, check: Callable[[], None]
    ) -> list[Offer]:
        """Predict and polish one batch. `marks` are people's, by image id; `check` may raise to stop.

        Images whose file is lost or cannot be decoded are left out, with a line in the log. Raises TransientError
        when that is so of every one: then storage is in trouble, not a picture.
        """
        with as_job_errors():
            pictures = {image.pk: rgb for image in images if (rgb := picture(image)) is not None}
            if not pictures and len(images) > 1:
                raise TransientError("none of the pictures could be read from storage")
            check()
            predictions = self._predictor.predict_batch(list(pictures.values()))
            by_image = dict(zip(pictures, predictions, strict=True))
            scores = batch_scores(
                by_image,
                pictures=pictures,
                marks=marks,
                background=self._background,
                seed=min(by_image, default=0),
            )
            made = []
            for pk, prediction in by_image.items():
                check()
                drawn = marks.get(pk, [])
                offer = self._offer(pk, pictures[pk], prediction, drawn, scores[pk])
                made.append(replace(offer, prior=_prior(prediction, self._number)))
            return made

    def _offer(
        self, image_id: int, rgb: Rgb, prediction: Prediction, marks: Sequence[Mark], scores: dict[str, float]
    ) -> Offer:
        polished = polish(prediction, rgb, marks, refiner=self._predictor.refiner, polisher=self._polisher)
        mask = storage.put("masks", encode_png(polished.label_map), suffix="png")
        return Offer(
            image_id=image_id,
            blob=mask.name,
            sha256=mask.sha256,
            pixel_counts={str(value): count for value, count in pixel_counts(polished.label_map).items()},
            provenance=_provenance(rgb, prediction, polished, marks),
            uncertainty=polished.score,
            uncertainty_blob=storage.put("uncertainty", _grey_png(polished.uncertainty), suffix="png").name,
            scores=scores,
        )


def _polisher(version: ModelVersion) -> MaskPolisher | None:
    """The project's trained polisher, where it is known to help and can be read."""
    found = polishing_version(version.project)
    if found is None:
        return None
    try:
        return load_polisher(weights.fetch(found), device=settings.DEVICE)
    except (TrainingError, PermanentError) as error:
        logger.warning("proposals are not mended by version %s: %s", found.number, error)
        return None


def batches(images: Iterable[Image]) -> Iterator[list[Image]]:
    """Groups of at most BATCH_IMAGES images and, but for a single one, BATCH_PIXELS pixels."""
    batch: list[Image] = []
    pixels = 0
    for image in images:
        size = image.width * image.height
        if batch and (len(batch) == BATCH_IMAGES or pixels + size > BATCH_PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append(image)
        pixels += size
    if batch:
        yield batch


def picture(image: Image) -> Rgb | None:
    """The display file, uint8 (H, W, 3); None, with a line in the log, when it is lost or cannot be decoded."""
    try:
        data = storage.read(image.file)
    except FileNotFoundError:
        logger.warning("image %s is left out: its file is lost", image.pk)
        return None
    try:
        with PILImage.open(io.BytesIO(data)) as opened:
            return np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, PILImage.DecompressionBombError) as error:
        logger.warning("image %s is left out: its file cannot be decoded (%s)", image.pk, error)
        return None


def _prior(prediction: Prediction, version: int) -> storage.Blob | None:
    """What the live solver starts from while somebody marks the image: the network's own word, without the marks."""
    prior = quantised(prediction.probabilities, prediction.class_indices)
    if prior is None:
        return None
    return storage.put("priors", encode_prior(prior, model_version=version), suffix="bpm")


def _provenance(rgb: Rgb, prediction: Prediction, polished: Polished, marks: Sequence[Mark]) -> str:
    height, width = rgb.shape[:2]
    source = provenance.of_proposal(
        predicted=label_map(prediction, width, height),
        polished=polished.label_map,
        seeds=rasterize(marks, width=width, height=height).seeds,
        replaced=polished.replaced,
    )
    return storage.put("provenance", provenance.encode(source), suffix="png").name


def _grey_png(values: npt.NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    PILImage.fromarray(values).save(out, "PNG", compress_level=6)
    return out.getvalue()
