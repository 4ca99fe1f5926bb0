"""Encode images with the encoder in use. The only place that loads it; torch comes in here."""

from __future__ import annotations

import functools
import io
import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from django.conf import settings
from PIL import Image as PILImage

from labeling import storage
from labeling.errors import PermanentError
from labeling.models import Image, ImageFeature
from labeling.selectors.images import current_feature
from labeling.services.features import store_features

if TYPE_CHECKING:
    from models_zoo.features import DenseFeatures
    from models_zoo.networks.encoders import Encoder

logger = logging.getLogger(__name__)


def read_rgb(image: Image) -> npt.NDArray[np.uint8]:
    """The display picture as uint8 (H, W, 3). Raises PermanentError if its file is gone."""
    try:
        data = storage.read(image.file)
    except FileNotFoundError:
        raise PermanentError(f"The file of {image.name} is gone from storage; import the image again.") from None
    # Our own re-encoded file, whose size was checked when it came in: Pillow's alarm would only get in the way.
    try:
        with PILImage.open(io.BytesIO(data)) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError as error:
        raise PermanentError(f"The file of {image.name} is damaged; import the image again.") from error


@functools.cache
def encoder() -> Encoder:
    """The encoder in use, loaded once a process, on the device of the settings."""
    from models_zoo.networks.encoders import load_encoder

    return load_encoder(settings.ENCODER).eval().to(device())


def device() -> str:
    """`cpu` or `cuda`, as DEVICE says; `auto` takes the GPU if there is one."""
    import torch

    if settings.DEVICE != "auto":
        return str(settings.DEVICE)
    return "cuda" if torch.cuda.is_available() else "cpu"


def encode_image(image: Image, rgb: npt.NDArray[np.uint8] | None = None) -> ImageFeature:
    """Features of an image, computed now unless they are stored already."""
    from models_zoo import features

    stored = current_feature(image.pk)
    if stored is not None and stored.version == features.FEATURES_VERSION:
        return stored
    found = features.compute_features(encoder(), read_rgb(image) if rgb is None else rgb)
    data = features.encode_features(found)
    return store_features(image=image, encoder=settings.ENCODER, version=features.FEATURES_VERSION, data=data)


def dense_features(image: Image, rgb: npt.NDArray[np.uint8]) -> DenseFeatures:
    """The image's dense map, encoded first where it is missing or its file is gone."""
    from models_zoo import features

    stored = encode_image(image, rgb)
    try:
        return features.decode_features(storage.read(stored.blob)).dense
    except (FileNotFoundError, features.FeatureError) as error:
        logger.warning("features of image %s cannot be read (%s); computing them again", image.pk, error)
    stored.delete()
    return features.decode_features(storage.read(encode_image(image, rgb).blob)).dense
