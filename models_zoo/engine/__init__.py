"""The training loop, checkpoints, prediction and validation; it never knows which method it runs."""

from models_zoo.engine.callbacks import FitCallbacks, SilentCallbacks
from models_zoo.engine.evaluate import Predictor, Validation, label_map, load_predictor, validate
from models_zoo.engine.fit import FitResult, fit
from models_zoo.errors import Cancelled, TrainingError
from models_zoo.methods.base import Prediction

__all__ = [
    "Cancelled",
    "FitCallbacks",
    "FitResult",
    "Prediction",
    "Predictor",
    "SilentCallbacks",
    "TrainingError",
    "Validation",
    "fit",
    "label_map",
    "load_predictor",
    "validate",
]
