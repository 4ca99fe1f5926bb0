"""Names of the image-text models, and the setting that chooses one; imports no torch."""

from __future__ import annotations

from typing import Any

from models_zoo.info import setting

LEARNT, CLIP = "learnt", "clip"
IMAGE_TEXTS = (LEARNT, CLIP)


def image_text_setting() -> Any:
    """The field of a method's settings."""
    return setting(
        LEARNT,
        choices=IMAGE_TEXTS,
        help="What compares places with class names: learnt is a small model trained on this project's tags; clip is "
        "the CLIP whose folder the server's IMAGE_TEXT_MODEL names.",
    )
