"""Interactive segmenters: slow once per image, fast once per mark."""

from models_zoo.interactive.types import (
    ImageContext,
    InteractiveResult,
    InteractiveSegmenter,
    SegmenterFileError,
    create_segmenter,
)

__all__ = ["ImageContext", "InteractiveResult", "InteractiveSegmenter", "SegmenterFileError", "create_segmenter"]
