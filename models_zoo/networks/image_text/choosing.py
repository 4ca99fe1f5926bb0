"""Which image-text model a method asks: the learnt one, or a CLIP that somebody put on this machine."""

from __future__ import annotations

from models_zoo.networks.encoders import starting_encoder
from models_zoo.networks.image_text.clip_files import configured_folder, load_clip
from models_zoo.networks.image_text.info import CLIP
from models_zoo.networks.image_text.learnt import LearntImageText
from models_zoo.networks.image_text.types import ImageText


def build_image_text(name: str, *, encoder: str, pretrained: bool, frozen_stages: int) -> ImageText | None:
    """The model that a training asks.

    Args:
        name: of `info.IMAGE_TEXTS`.
        encoder: what the learnt one starts from.
        pretrained: False where weights are loaded afterwards, to predict: a CLIP is not needed then, and None is given.
        frozen_stages: of that encoder, where it brings trained weights.

    Raises:
        ImageTextError: a CLIP is asked for and there is none that can be used.
        EncoderError: as `starting_encoder`.
    """
    if name != CLIP:
        return LearntImageText(starting_encoder(encoder, pretrained=pretrained, frozen_stages=frozen_stages))
    return load_clip(configured_folder()) if pretrained else None
