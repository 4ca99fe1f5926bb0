"""How much each image of the pool is worth a person's time, by the zoo's acquisition functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from labeling import storage
from labeling.models import Image, ImageFeature, ModelVersion
from labeling.selectors.images import acquisition_function, current_feature
from labeling.selectors.runs import pool_images
from models_zoo import list_acquisitions
from models_zoo.acquisition import PoolPredictions, create_acquisition, summarise
from models_zoo.engine import Prediction
from models_zoo.features import FeatureError, decode_features

Embeddings = dict[int, npt.NDArray[np.float32]]

MAX_RANKED = 1_000  # picks of a function that looks at the whole pool; the rest follows in the random order


def batch_scores(predictions: dict[int, Prediction], *, seed: int) -> dict[int, dict[str, float]]:
    """Scores that need an image's own prediction only: image id -> function -> score, higher is worth more."""
    pool = PoolPredictions(
        ids=tuple(str(pk) for pk in predictions),
        uncertainty=[summarise(prediction.probabilities) for prediction in predictions.values()],
        seed=seed,
    )
    scores: dict[int, dict[str, float]] = defaultdict(dict)
    for info in list_acquisitions():
        if not info.needs_embeddings:
            ranking = create_acquisition(info.name).rank(pool, budget=len(predictions))
            for name, score in ranking.by_id.items():
                scores[int(name)][info.name] = score
    return dict(scores)


def pool_scores(version: ModelVersion, *, check: Callable[[], None]) -> dict[int, dict[str, float]]:
    """Scores of the project's function where it compares images with each other; empty where it does not.

    Images without features have no place in it and follow in the random order. `check` may raise to stop.
    """
    project = version.project
    function = acquisition_function(project)
    if not any(info.name == function and info.needs_embeddings for info in list_acquisitions()):
        return {}
    waiting = _embeddings(pool_images(project).order_by("order_key", "pk"), check)
    if not waiting:
        return {}
    labelled = _embeddings(project.images.filter(accepted_mask__isnull=False).order_by("pk"), check)
    pool = PoolPredictions(
        ids=tuple(str(pk) for pk in waiting),
        embeddings=np.stack(list(waiting.values())),
        labelled=np.stack(list(labelled.values())) if labelled else None,
        seed=version.pk,
    )
    ranking = create_acquisition(function).rank(pool, budget=MAX_RANKED)
    return {int(name): {function: score} for name, score in ranking.by_id.items()}


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


def _embedding(feature: ImageFeature) -> npt.NDArray[np.float32] | None:
    try:
        return decode_features(storage.read(feature.blob)).embedding
    except (FeatureError, FileNotFoundError):
        return None


def _of_one_length(vectors: Embeddings) -> Embeddings:
    lengths: Sequence[int] = [len(vector) for vector in vectors.values()]
    usual = max(set(lengths), key=lengths.count, default=0)
    return {pk: vector for pk, vector in vectors.items() if len(vector) == usual}
