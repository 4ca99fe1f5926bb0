"""From a folder's pictures and a trained model to a pool that can be ranked; loads torch when it is called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.badge import residual
from models_zoo.acquisition.disagreement import disagree
from models_zoo.acquisition.questions import best_question, find_doubts
from models_zoo.acquisition.regions import RegionDoubt, doubtful_region, superpixels
from models_zoo.acquisition.types import PoolPredictions, summarise
from models_zoo.info import AcquisitionInfo
from models_zoo.registry import list_encoders

if TYPE_CHECKING:
    from models_zoo.engine import Predictor
    from models_zoo.methods.base import Prediction

_CHUNK = 16

Rgb = npt.NDArray[np.uint8]


def gather(
    paths: Sequence[Path], info: AcquisitionInfo, *, weights: Path | None, device: str = "auto", seed: int = 0
) -> PoolPredictions:
    """What the function reads about these pictures, by file name; embeddings are of the default encoder.

    ``weights`` may be None for functions that need no model. Raises ValueError where one is needed.
    """
    if weights is None and info.needs_model:
        raise ValueError(f"{info.name} needs a model's predictions; name the final/ folder of a run")
    from models_zoo.data.dataset import load_rgb
    from models_zoo.engine import load_predictor
    from models_zoo.features import compute_features
    from models_zoo.networks.encoders import load_encoder

    predictor = load_predictor(weights, device) if weights is not None and info.needs_model else None
    encoder = load_encoder(list_encoders()[0].name) if info.needs_embeddings else None
    parts: dict[str, list[Any]] = defaultdict(list)
    for start in range(0, len(paths), _CHUNK):
        images = [load_rgb(path) for path in paths[start : start + _CHUNK]]
        if encoder is not None:
            parts["embeddings"] += [compute_features(encoder, rgb).embedding for rgb in images]
        if predictor is not None:
            for rgb, prediction in zip(images, predictor.predict_batch(images), strict=True):
                for part in info.needs:
                    if part != "embeddings":
                        parts[part].append(_read(part, prediction, rgb, predictor))
    arrays = {part: np.stack(rows) for part, rows in parts.items() if part in ("embeddings", "residuals")}
    return PoolPredictions(ids=tuple(path.name for path in paths), seed=seed, **(parts | arrays))  # type: ignore[arg-type]


def _read(part: str, prediction: Prediction, rgb: Rgb, predictor: Predictor) -> Any:
    """One part of `PoolPredictions` about one picture."""
    if part == "uncertainty":
        return summarise(prediction.probabilities)
    if part == "residuals":
        return residual(prediction.probabilities)
    if part == "questions":
        background = next((place for place, entry in enumerate(predictor.classes) if entry["is_background"]), None)
        return best_question(find_doubts(prediction.probabilities, background=background))
    views = prediction.views if prediction.views is not None else prediction.probabilities[None]
    return disagree(views) if part == "disagreement" else region_of(views, rgb)


def region_of(views: npt.NDArray[np.float32], rgb: Rgb) -> RegionDoubt:
    """The most doubtful superpixel of a picture of any size, of its predictions (T, C, h, w)."""
    from models_zoo.data.dataset import resize_rgb

    height, width = views.shape[2:]
    return doubtful_region(views, superpixels(resize_rgb(rgb, (width, height))))
