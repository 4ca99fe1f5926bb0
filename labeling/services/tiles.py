"""Give large images their tiles that came in before pictures had any."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings

from labeling import jobs, storage
from labeling.errors import Invalid, PermanentError
from labeling.models import Image
from labeling.selectors.images import images_without_tiles
from labeling.transfer.decoding import tile_display


def queue_missing_tiles(*, limit: int = 100) -> int:
    """Ask for the tiles of large images that have none; return how many. Asking twice is harmless."""
    ids = images_without_tiles(limit=limit)
    for image_id in ids:
        jobs.enqueue("tiling.make_tiles", image_id)
    return len(ids)


def add_tiles(*, image: Image) -> bool:
    """Make the tiles of an image that has none; False if somebody else was first, or the image is gone.

    Such an image is as large as its display file: nothing of it was reduced. Its size, marks and masks stay as they
    are. Safe to repeat, and to stop: the row names the tiles only once all of them are stored. Raises PermanentError
    if the file is gone or damaged.
    """
    settings.SCRATCH_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.SCRATCH_DIR, prefix="tiles-") as scratch:
        shown = Path(scratch) / "shown"
        try:
            storage.copy_to(image.file, shown)
            tiles = tile_display(shown, scratch=Path(scratch))
        except FileNotFoundError:
            raise PermanentError(f"The file of {image.name} is gone from storage; import the image again.") from None
        except Invalid as error:
            raise PermanentError(f"The file of {image.name} is damaged; import the image again.") from error
        blob = storage.put_file("tiles", tiles.path, suffix=tiles.suffix)
    return bool(Image.objects.filter(pk=image.pk, tiles="").update(tiles=blob.name))
