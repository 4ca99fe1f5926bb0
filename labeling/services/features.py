"""Have images encoded in the background, and keep what the encoder saw."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from labeling import jobs, storage
from labeling.models import Image, ImageFeature
from labeling.selectors.images import images_without_features

BATCH = 16  # images a message: short enough that an import does not hold the queue for long


def queue_encoding(*, image_ids: Sequence[int]) -> None:
    """Ask for features of these images once the current transaction commits.

    A lost message costs nothing but time: an image without features is encoded when it is opened,
    and `queue_missing_encoding` finds what was left behind.
    """
    for start in range(0, len(image_ids), BATCH):
        jobs.enqueue("encoding.encode_images", *image_ids[start : start + BATCH])


def queue_missing_encoding(*, limit: int = 500) -> int:
    """Ask again for images that have no features; return how many. Asking twice is harmless."""
    ids = images_without_features(limit=limit)
    queue_encoding(image_ids=ids)
    return len(ids)


def store_features(*, image: Image, encoder: str, version: int, data: bytes) -> ImageFeature:
    """Keep encoded features once per image, encoder and version; a second store returns the first.

    Raises Image.DoesNotExist if the image was deleted meanwhile.
    """
    blob = storage.put("features", data, suffix="bfm")
    key = {"image": image, "encoder": encoder, "version": version}
    try:
        with transaction.atomic():
            return ImageFeature.objects.create(**key, blob=blob.name, sha256=blob.sha256, size=blob.size)
    except IntegrityError:
        stored = ImageFeature.objects.filter(**key).first()
    if stored is None:
        raise Image.DoesNotExist(f"image {image.pk} was deleted while it was encoded")
    return stored
