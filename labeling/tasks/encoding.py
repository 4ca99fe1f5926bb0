"""Encoding tasks: on the default queue, so that neither labeling nor training waits for them."""

from __future__ import annotations

import logging

from celery import shared_task

from labeling.errors import PermanentError
from labeling.models import Image
from labeling.services.features import queue_missing_encoding

logger = logging.getLogger(__name__)


@shared_task(name="encoding.encode_images")
def encode_images(*image_ids: int) -> None:
    """Store the features of each image that has none; safe to repeat, one bad image does not stop the rest."""
    from labeling.ml import features

    for image in Image.objects.filter(pk__in=image_ids).order_by("pk"):
        try:
            features.encode_image(image)
        except (PermanentError, Image.DoesNotExist) as error:
            logger.warning("image %s was not encoded: %s", image.pk, error)


@shared_task(name="encoding.encode_missing")
def encode_missing() -> None:
    """Ask again for images whose message was lost, with a worker or with Redis."""
    num_images = queue_missing_encoding()
    if num_images:
        logger.info("asked again for the features of %d images", num_images)
