"""Numbers that say how good a prediction is."""

from models_zoo.metrics.average_precision import ApResult, Instance, average_precision
from models_zoo.metrics.boundary import boundary_iou
from models_zoo.metrics.calibration import Calibration, CalibrationResult, ReliabilityBin
from models_zoo.metrics.clicks import ClicksResult, mean_clicks, number_of_clicks
from models_zoo.metrics.confusion import IouResult, MarkAccuracy, mark_accuracy, segmentation_iou
from models_zoo.metrics.localisation import (
    CorLocResult,
    KnownLocalisationResult,
    LocalisedImage,
    box_iou,
    corloc,
    known_localisation,
)

__all__ = [
    "ApResult",
    "Calibration",
    "CalibrationResult",
    "ClicksResult",
    "CorLocResult",
    "Instance",
    "IouResult",
    "KnownLocalisationResult",
    "LocalisedImage",
    "MarkAccuracy",
    "ReliabilityBin",
    "average_precision",
    "boundary_iou",
    "box_iou",
    "corloc",
    "known_localisation",
    "mark_accuracy",
    "mean_clicks",
    "number_of_clicks",
    "segmentation_iou",
]
