"""Numbers that say how good a prediction is."""

from models_zoo.metrics.confusion import IouResult, MarkAccuracy, mark_accuracy, segmentation_iou

__all__ = ["IouResult", "MarkAccuracy", "mark_accuracy", "segmentation_iou"]
