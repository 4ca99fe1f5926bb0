"""HTTP for masks and their reviews: parse, permit, call, render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.files import blob_response
from labeling.api.images import mask_url
from labeling.api.pagination import CursorPages
from labeling.api.parsers import JSONParser
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.errors import Invalid, NotFound
from labeling.models import Mask, Review
from labeling.selectors.proposals import image_masks, mask_seen_by, masks_ever_accepted, masks_seen_by
from labeling.services.masks import SENT_ORIGINS, store_mask
from labeling.services.reviews import add_review

Json = dict[str, Any]


class PngParser(BaseParser):
    """The body as bytes under `png`, never more than a mask may have."""

    media_type = "image/png"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, bytes]:
        data: bytes = stream.read(settings.MAX_MASK_BYTES + 1)
        if len(data) > settings.MAX_MASK_BYTES:
            raise Invalid(
                _("The mask is larger than %(limit)s bytes.") % {"limit": settings.MAX_MASK_BYTES},
                code="bad_mask",
            )
        return {"png": data}


class MaskQuery(StrictSerializer):
    origin = serializers.ChoiceField(choices=SENT_ORIGINS, default=Mask.Origin.PAINTED)
    parent = serializers.IntegerField(min_value=1, required=False)  # type: ignore[assignment]
    method = serializers.CharField(max_length=60, required=False, default="", allow_blank=True)
    revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False, default=None)


class ReviewIn(StrictSerializer):
    verdict = serializers.ChoiceField(choices=Review.Verdict.choices)
    comment = serializers.CharField(max_length=2_000, allow_blank=True, required=False, default="")


def mask_row(mask: Any, ever_accepted: set[int]) -> Json:
    """One mask; `mask` comes from `image_masks`, `ever_accepted` from `masks_ever_accepted`."""
    version = mask.model_version
    return {
        "id": mask.pk,
        "sha256": mask.sha256,
        "url": mask_url(mask.sha256),
        "origin": mask.origin,
        "parent": mask.parent_id,
        "created_by": mask.created_by.username if mask.created_by is not None else None,
        "model_version": {"id": version.pk, "number": version.number} if version is not None else None,
        "created_at": mask.created_at,
        "is_accepted": bool(mask.is_accepted),  # nothing equals the pointer where that is null
        "was_accepted": mask.pk in ever_accepted,
        "pixel_counts": mask.pixel_counts,
    }


def review_row(review: Review) -> Json:
    return {
        "id": review.pk,
        "verdict": review.verdict,
        "comment": review.comment,
        "reviewer": review.reviewer.username,
        "created_at": review.created_at,
    }


class ImageMasks(APIView):
    """GET: masks of an image, newest first. POST: keep an index PNG that a person made."""

    parser_classes = [PngParser, JSONParser]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, image_id: int) -> Response:
        pages = CursorPages()
        image = access.image_read(request.user, image_id)
        page = pages.paginate_queryset(image_masks(image), request, view=self)
        ever_accepted = masks_ever_accepted(image)
        return pages.get_paginated_response([mask_row(mask, ever_accepted) for mask in page or []])

    @extend_schema(
        parameters=[MaskQuery],
        request={"image/png": OpenApiTypes.BINARY},
        responses={201: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, image_id: int) -> Response:
        image = access.image_annotate(request.user, image_id)
        query = parsed(MaskQuery, request.query_params.dict())
        data = request.data.get("png") if isinstance(request.data, dict) else None
        if not isinstance(data, bytes):
            raise Invalid(_("Send the mask as an index PNG with Content-Type: image/png."), code="bad_mask")
        if "parent" in query:
            query["parent"] = masks_seen_by(request.user).filter(pk=query["parent"], image=image).first()
            if query["parent"] is None:
                raise Invalid(_("The parent is not a mask of this image."), code="bad_mask")
        mask = store_mask(image=image, data=data, by=person(request), **query)
        row = {"id": mask.pk, "sha256": mask.sha256, "url": mask_url(mask.sha256)}
        return Response(row, status=status.HTTP_201_CREATED)


@extend_schema(responses=OpenApiTypes.BINARY)
class MaskFile(APIView):
    """GET: the index PNG. The address is the hash of its bytes, so it never changes."""

    def get(self, request: Request, sha256: str) -> HttpResponse:
        mask = mask_seen_by(request.user, sha256)
        if mask is None:
            raise NotFound(_("There is no such mask, or you are not a member of its project."))
        return blob_response(mask.blob)


class MaskReviews(APIView):
    """GET: verdicts on a mask, oldest first. POST: add one (reviewer)."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, mask_id: int) -> Response:
        mask = self._mask(request, mask_id)
        rows = mask.reviews.select_related("reviewer").order_by("pk")
        return Response({"results": [review_row(review) for review in rows], "next": None, "previous": None})

    @extend_schema(request=ReviewIn, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, mask_id: int) -> Response:
        mask = self._mask(request, mask_id)
        access.project_review(request.user, mask.image.project_id)
        review = add_review(mask=mask, reviewer=person(request), **parsed(ReviewIn, request.data))
        return Response(review_row(review), status=status.HTTP_201_CREATED)

    def _mask(self, request: Request, mask_id: int) -> Mask:
        mask = masks_seen_by(request.user).filter(pk=mask_id).select_related("image__project").first()
        if mask is None:
            raise NotFound(_("There is no such mask, or you are not a member of its project."))
        return mask


urlpatterns = [
    path("images/<int:image_id>/masks", ImageMasks.as_view(), name="api-image-masks"),
    path("masks/<sha256:sha256>.png", MaskFile.as_view(), name="api-mask-file"),
    path("masks/<int:mask_id>/reviews", MaskReviews.as_view(), name="api-mask-reviews"),
]
