"""Tiling tasks: large images from before there were tiles get theirs, in the queue of work nobody waits for."""

from __future__ import annotations

import logging

from celery import shared_task

from labeling.errors import PermanentError
from labeling.models import Image
from labeling.services.tiles import add_tiles, queue_missing_tiles

logger = logging.getLogger(__name__)


@shared_task(name="tiling.make_tiles")
def make_tiles(image_id: int) -> None:
    """The tiles of one image, unless it has them by now; safe to repeat."""
    image = Image.objects.filter(pk=image_id, tiles="").first()
    if image is None:
        return
    try:
        add_tiles(image=image)
    except PermanentError as error:
        logger.warning("image %s got no tiles: %s", image_id, error)


@shared_task(name="tiling.make_missing")
def make_missing() -> None:
    """Ask for the tiles of every large image that has none. Runs from time to time; finds nothing once all have."""
    num_images = queue_missing_tiles()
    if num_images:
        logger.info("asked for the tiles of %d large images", num_images)
