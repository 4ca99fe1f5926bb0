"""HTTP for the tiles of large pictures: parse, permit, call, render."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from labeling import access, storage
from labeling.api.files import made_response
from labeling.errors import NotFound
from labeling.models import Image
from labeling.tilefile import OVERLAP, TILE, levels, read_tile

Json = dict[str, Any]
_HASH_LENGTH = 64
_TYPES = {"jpg": "image/jpeg", "png": "image/png"}


class TilesRefOut(serializers.Serializer[Any]):
    """Where the tiles of a large picture are, for the schema.

    In `url` the words {level}, {column} and {row} stand for numbers. Level 0 is one tile; each further one doubles
    both sides, and `max_level` is the picture at its full size, `width` x `height`. Tiles are `tile_size` pixels a
    side and `overlap` their neighbours.
    """

    url = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    tile_size = serializers.IntegerField()
    overlap = serializers.IntegerField()
    max_level = serializers.IntegerField()


def tiles_ref(image: Image) -> Json | None:
    """None where the picture is shown whole."""
    if not image.tiles:
        return None
    width, height = image.full_size
    example = reverse("api-image-tile", args=[image.pk, _sha256(image), 7, 8, 9])
    pattern = example.removesuffix("/level/7/column/8/row/9") + "/level/{level}/column/{column}/row/{row}"
    return {
        "url": pattern,
        "width": width,
        "height": height,
        "tile_size": TILE,
        "overlap": OVERLAP,
        "max_level": levels(width, height)[0].number,
    }


@extend_schema(responses=OpenApiTypes.BINARY)
class ImageTile(APIView):
    """GET: one tile of a large picture. The address holds the hash of all its tiles, so it never changes."""

    def get(self, request: Request, image_id: int, sha256: str, level: int, column: int, row: int) -> HttpResponse:
        image = access.image_read(request.user, image_id)
        if not image.tiles or _sha256(image) != sha256:
            raise NotFound("There are no such tiles; the image's own answer names those there are.")
        read = partial(storage.read_part, image.tiles)
        try:
            data = read_tile(read, size=image.full_size, level=level, column=column, row=row)
        except (FileNotFoundError, ValueError):
            raise NotFound(_("This file is gone from storage; ask an administrator to restore it.")) from None
        if data is None:
            raise NotFound("The picture has no such tile.")
        kind = image.tiles.split(".")[1]
        return made_response(data, content_type=_TYPES[kind])


def _sha256(image: Image) -> str:
    return image.tiles.partition(".")[0][-_HASH_LENGTH:]


urlpatterns = [
    path(
        "images/<int:image_id>/tiles/<sha256:sha256>/level/<int:level>/column/<int:column>/row/<int:row>",
        ImageTile.as_view(),
        name="api-image-tile",
    ),
]
