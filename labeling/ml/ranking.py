"""How much each image of the pool is worth a person's time, by the zoo's acquisition functions."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from labeling import storage
from labeling.models import AcquisitionScore, Image, ImageFeature, ModelVersion, Proposal
from labeling.selectors.images import QUESTION, QUESTION_VALUE, acquisition_function, current_feature
from labeling.selectors.runs import pool_images
from models_zoo import Mark, decode_png, list_acquisitions
from models_zoo.acquisition import (
    QUESTIONS,
    BestQuestion,
    PoolPredictions,
    best_question,
    create_acquisition,
    disagree,
    find_doubts,
    summarise,
)
from models_zoo.acquisition.gather import region_of
from models_zoo.engine import Prediction
from models_zoo.features import FeatureError, decode_features

Floats = npt.NDArray[np.float32]
Embeddings = dict[int, Floats]
Rgb = npt.NDArray[np.uint8]

MAX_RANKED = 1_000  # picks of a function that looks at the whole pool; the rest follows in the random order
_EVERY = 3  # rows and columns of a stored mask that are looked at for its doubts by class


# --- from one batch of predictions ---------------------------------------------------------------


def batch_scores(
    predictions: Mapping[int, Prediction],
    *,
    pictures: Mapping[int, Rgb],
    marks: Mapping[int, Sequence[Mark]],
    background: int | None,
    seed: int,
) -> dict[int, dict[str, float]]:
    """Scores that need an image's own prediction only: image id -> function -> score, higher is worth more.

    Two entries are no function: `QUESTION` is the place in `acquisition.QUESTIONS` of what to ask about the image,
    given the kinds of ``marks`` it has, and `QUESTION_VALUE` the doubt that settles a second. ``background``: index
    of that class.
    """
    views = {pk: found.views for pk, found in predictions.items() if found.views is not None}
    has_views = len(views) == len(predictions)
    pool = PoolPredictions(
        ids=tuple(str(pk) for pk in predictions),
        uncertainty=[summarise(found.probabilities) for found in predictions.values()],
        disagreement=[disagree(found) for found in views.values()] if has_views else None,
        regions=[region_of(found, pictures[pk]) for pk, found in views.items()] if has_views else None,
        seed=seed,
    )
    scores: dict[int, dict[str, float]] = defaultdict(dict)
    for info in list_acquisitions():
        if not info.needs_embeddings and all(getattr(pool, part) is not None for part in info.needs):
            ranking = create_acquisition(info.name).rank(pool, budget=len(predictions))
            for name, score in ranking.by_id.items():
                scores[int(name)][info.name] = score
    for pk, prediction in predictions.items():
        best = _question(prediction, marks.get(pk, ()), background)
        scores[pk] |= {QUESTION: float(QUESTIONS.index(best.question)), QUESTION_VALUE: best.value}
    return dict(scores)


def _question(prediction: Prediction, marks: Sequence[Mark], background: int | None) -> BestQuestion:
    indices = prediction.class_indices
    position = indices.index(background) if background is not None and background in indices else None
    doubts = find_doubts(prediction.probabilities, background=position)
    kinds = {mark.kind.value for mark in marks}
    return best_question(doubts, answered=[question for question in QUESTIONS if question in kinds])


# --- over the whole pool -------------------------------------------------------------------------


def pool_scores(version: ModelVersion, *, check: Callable[[], None]) -> dict[int, dict[str, float]]:
    """Scores of the project's function where it compares images with each other; empty where it does not.

    Images without features, or without whatever else the function reads, have no place in it and follow in the
    random order. `check` may raise to stop.
    """
    project = version.project
    info = next(info for info in list_acquisitions() if info.name == acquisition_function(project))
    if not info.needs_embeddings:
        return {}
    waiting = _embeddings(pool_images(project).order_by("order_key", "pk"), check)
    parts: dict[str, dict[int, Any]] = {}
    if "questions" in info.needs:
        parts["questions"] = _questions(version)
    if "residuals" in info.needs:
        parts["residuals"] = _residuals(version, check)
    ids = [pk for pk in waiting if all(pk in part for part in parts.values())]
    if not ids:
        return {}
    labelled = _embeddings(project.images.filter(accepted_mask__isnull=False).order_by("pk"), check)
    length = len(waiting[ids[0]])
    known = [vector for vector in labelled.values() if len(vector) == length]
    pool = PoolPredictions(
        ids=tuple(str(pk) for pk in ids),
        embeddings=np.stack([waiting[pk] for pk in ids]),
        labelled=np.stack(known) if known else None,
        questions=[parts["questions"][pk] for pk in ids] if "questions" in parts else None,
        residuals=np.stack([parts["residuals"][pk] for pk in ids]) if "residuals" in parts else None,
        seed=version.pk,
    )
    ranking = create_acquisition(info.name).rank(pool, budget=MAX_RANKED)
    return {int(name): {info.name: score} for name, score in ranking.by_id.items()}


def _questions(version: ModelVersion) -> dict[int, BestQuestion]:
    """What `batch_scores` found out, from its rows."""
    rows = AcquisitionScore.objects.filter(model_version=version, function__in=[QUESTION, QUESTION_VALUE])
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for image_id, function, score in rows.values_list("image", "function", "score"):
        found[image_id][function] = score
    return {
        image_id: BestQuestion(QUESTIONS[int(entry[QUESTION])], entry[QUESTION_VALUE])
        for image_id, entry in found.items()
        if len(entry) == 2
    }


def _residuals(version: ModelVersion, check: Callable[[], None]) -> Embeddings:
    """For each class the doubt of the pixels it has in the version's latest proposal, over all pixels: (254,)."""
    latest = Proposal.objects.filter(model_version=version).exclude(uncertainty_blob="").select_related("mask")
    found: Embeddings = {}
    for number, proposal in enumerate(latest.order_by("pk").iterator()):
        if number % 50 == 0:
            check()
        try:
            labels = decode_png(storage.read(proposal.mask.blob))[::_EVERY, ::_EVERY]
            with PILImage.open(io.BytesIO(storage.read(proposal.uncertainty_blob))) as grey:
                doubt = np.asarray(grey, np.float64)[::_EVERY, ::_EVERY] / 255
        except (OSError, ValueError):
            continue
        if doubt.shape == labels.shape:
            sums = np.bincount(labels.ravel(), weights=doubt.ravel(), minlength=256)[:254]
            found[proposal.image_id] = (sums / labels.size).astype(np.float32)
    return found


def _embeddings(images: Iterable[Image], check: Callable[[], None]) -> Embeddings:
    """Embeddings by image id, all of one length: those of an older encoder are left out."""
    found: Embeddings = {}
    for number, image in enumerate(images):
        if number % 50 == 0:
            check()
        feature = current_feature(image.pk)
        vector = None if feature is None else _embedding(feature)
        if vector is not None:
            found[image.pk] = vector
    return _of_one_length(found)


def _embedding(feature: ImageFeature) -> Floats | None:
    """None where the file is lost or damaged, or holds what is no number."""
    try:
        vector = decode_features(storage.read(feature.blob)).embedding
    except (FeatureError, FileNotFoundError):
        return None
    return vector if np.isfinite(vector).all() else None


def _of_one_length(vectors: Embeddings) -> Embeddings:
    lengths: Sequence[int] = [len(vector) for vector in vectors.values()]
    usual = max(set(lengths), key=lengths.count, default=0)
    return {pk: vector for pk, vector in vectors.items() if len(vector) == usual}
