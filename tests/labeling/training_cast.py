"""A project small enough to train in a second: four marked images, two unmarked, one of each measuring split."""

from __future__ import annotations

from typing import Any

from labeling.models import Image, TrainingRun
from labeling.services.training import start_training_run
from tests.conftest import Cast
from tests.factories import make_annotation, make_image

QUICK = {"steps": 3, "image_size": 64, "batch_size": 2}


def make_pictures(cast: Cast, *, marked: int = 2, unmarked: int = 1, val: int = 1, test: int = 1) -> list[Image]:
    """Train images (marked first), then val (marked), then test (unmarked)."""
    images = [make_image(cast.project) for _ in range(marked + unmarked)]
    images += [make_image(cast.project, split="val") for _ in range(val)]
    for image in images[:marked] + images[marked + unmarked :]:
        make_annotation(image, cast.ben, marks=2)
    return images + [make_image(cast.project, split="test") for _ in range(test)]


def start(cast: Cast, **fields: Any) -> TrainingRun:
    """A queued run with few steps."""
    defaults: dict[str, Any] = {"method": "seeded_segmentation", "config": QUICK, "by": cast.ada}
    return start_training_run(project=cast.project, **(defaults | fields))
