"""HTTP for the queue: parse, permit, call, render."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.images import image_json, image_row
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.models import Project
from labeling.selectors.images import listed_images
from labeling.selectors.queue import recent_images, upcoming
from labeling.services.queue import lease_next

MAX_EXCLUDED = 200


class PeekQuery(StrictSerializer):
    limit = serializers.IntegerField(min_value=1, max_value=20, default=3)
    exclude = serializers.RegexField(r"\A(\d{1,18}(,\d{1,18}){0,199})?\Z", required=False, default="", allow_blank=True)
    only_proposed = serializers.BooleanField(default=False)


class NextIn(StrictSerializer):
    exclude = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=2**62),
        max_length=MAX_EXCLUDED,
        required=False,
        default=list,
    )
    only_proposed = serializers.BooleanField(default=False)


def _rows(project: Project, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Image rows in the order of `ids`; one query."""
    found = {image.pk: image for image in listed_images(project).filter(pk__in=ids)}
    return [image_row(found[pk]) for pk in ids if pk in found]


class PeekQueue(APIView):
    """GET: what would come next, for prefetching; holds nothing."""

    @extend_schema(parameters=[PeekQuery], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        query = parsed(PeekQuery, request.query_params.dict())
        exclude = [int(pk) for pk in query["exclude"].split(",") if pk]
        chosen = {"limit": query["limit"], "only_proposed": query["only_proposed"]}
        queue = upcoming(project, person(request), exclude=exclude, **chosen)
        return Response({"results": _rows(project, queue.ids), "next": None, "previous": None})


class NextImage(APIView):
    """POST: take the next image; null when nothing is left."""

    @extend_schema(request=NextIn, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, project_id: int) -> Response:
        project = access.project_annotate(request.user, project_id)
        handed = lease_next(project=project, user=person(request), **parsed(NextIn, request.data))
        image = image_json(handed.image) if handed.image is not None else None
        return Response({"image": image, "remaining": handed.remaining, "order": handed.order})


class RecentImages(APIView):
    """GET: the last images I decided on or skipped, newest first."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        rows = _rows(project, recent_images(project, person(request)))
        return Response({"results": rows, "next": None, "previous": None})


urlpatterns = [
    path("projects/<int:project_id>/queue", PeekQueue.as_view(), name="api-queue"),
    path("projects/<int:project_id>/queue/next", NextImage.as_view(), name="api-queue-next"),
    path("projects/<int:project_id>/queue/recent", RecentImages.as_view(), name="api-queue-recent"),
]
