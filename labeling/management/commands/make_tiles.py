"""Make the tiles of large images that came in before pictures had tiles."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from labeling.errors import PermanentError
from labeling.models import Image
from labeling.selectors.images import images_without_tiles
from labeling.services.tiles import add_tiles


class Command(BaseCommand):
    help = (
        "Make the missing tiles of images longer than 4,096 pixels, in this process. A running installation does so "
        "by itself, a hundred images every half an hour; stop and repeat this as you like."
    )

    def handle(self, *_args: str, **_options: object) -> None:
        """One image after the other; those whose file is gone or damaged are named at the end."""
        refused: list[str] = []
        num_made = 0
        for image_id in images_without_tiles():
            image = Image.objects.filter(pk=image_id).first()
            if image is None:
                continue
            try:
                num_made += add_tiles(image=image)
            except PermanentError as error:
                refused.append(str(error))
            else:
                self.stdout.write(f"{image.name}: {image.width} x {image.height}")
        self.stdout.write(f"Images that got their tiles: {num_made}.")
        if refused:
            raise CommandError("\n".join(refused))
