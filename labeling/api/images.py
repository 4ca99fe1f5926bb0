"""HTTP for images: parse, permit, call, render. Rows and details come from one annotated query."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.files import blob_response, download_response
from labeling.api.pagination import CursorPages
from labeling.api.parsers import JSONParser
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.api.tiles import TilesRefOut, tiles_ref
from labeling.errors import NotFound
from labeling.models import Image, SkipReason, Split
from labeling.selectors.events import image_history
from labeling.selectors.images import STATES, filtered_images, image_detail, listed_images, usable_priors
from labeling.services import decisions, leases
from labeling.services.images import create_image_from_upload, delete_image

Json = dict[str, Any]


class ImageQuery(StrictSerializer):
    state = serializers.ChoiceField(choices=STATES, required=False, allow_blank=True)
    split = serializers.ChoiceField(choices=Split.choices, required=False, allow_blank=True)
    search = serializers.CharField(max_length=255, required=False, allow_blank=True)
    comments = serializers.ChoiceField(choices=["open"], required=False, allow_blank=True)
    cursor = serializers.CharField(max_length=500, required=False, allow_blank=True)
    limit = serializers.IntegerField(required=False)


class SkipIn(StrictSerializer):
    reason = serializers.ChoiceField(choices=SkipReason.choices)
    comment = serializers.CharField(max_length=500, allow_blank=True, required=False, default="")


class MaskRefOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    sha256 = serializers.CharField()
    url = serializers.CharField()


class ImageOut(serializers.Serializer[Any]):
    """A row of the list, for the schema; `image_row` writes it."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    split = serializers.ChoiceField(choices=Split.choices)
    state = serializers.ChoiceField(choices=STATES)
    thumb_url = serializers.CharField()
    accepted_mask = MaskRefOut(allow_null=True)
    score = serializers.FloatField(allow_null=True)
    has_features = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    leased_by = serializers.CharField(allow_null=True)
    open_comments = serializers.IntegerField()


class FeaturesRefOut(serializers.Serializer[Any]):
    """Where what the encoder saw is, for the schema; `sha256` is of the bytes, `version` of the codec."""

    url = serializers.CharField()
    sha256 = serializers.CharField()
    version = serializers.IntegerField()


class PriorRefOut(serializers.Serializer[Any]):
    """Where what the model in use sees is, for the schema; `sha256` is of the bytes."""

    url = serializers.CharField()
    sha256 = serializers.CharField()


class ImageDetailOut(ImageOut):
    """One image, for the schema; `image_json` writes it.

    Marks and masks are in pixels of `width` x `height`. A large picture is reduced for that by the whole factor
    `mask_scale` from `full_width` x `full_height`, at which its masks are exported.
    """

    full_width = serializers.IntegerField()
    full_height = serializers.IntegerField()
    mask_scale = serializers.IntegerField()
    file_url = serializers.CharField()
    project_id = serializers.IntegerField()
    sha256 = serializers.CharField()
    original_format = serializers.CharField()
    features = FeaturesRefOut(allow_null=True)
    prior = PriorRefOut(allow_null=True)
    tiles = TilesRefOut(allow_null=True)
    skip_reason = serializers.CharField(allow_null=True)
    next_hint = serializers.CharField()


class ImageFileIn(StrictSerializer):
    file = serializers.FileField()


# What to do with an image in each state, for programs and for people who read the API.
_HINTS = {
    "new": gettext_lazy("Mark a few pixels of each class."),
    "marked": gettext_lazy("Add marks until the proposal is right, then accept it."),
    "proposed": gettext_lazy("Accept the proposal, edit it, or reject it."),
    "accepted": gettext_lazy("Nothing to do; reopen it to change the mask."),
    "in_review": gettext_lazy("Another person reviews the mask."),
    "changes_requested": gettext_lazy("Mend what the reviewer asked for and accept again."),
    "skipped": gettext_lazy("Nothing to do; reopen it to work on it."),
}


# In the order of `models_zoo.acquisition.QUESTIONS`: tag, point, scribble, box, mask.
_ASKED = (
    gettext_lazy("Most is gained by saying which classes are in the image."),
    gettext_lazy("Most is gained by one point in each place that is unclear."),
    gettext_lazy("Most is gained by a stroke on each class."),
    gettext_lazy("Most is gained by a box around each object."),
    gettext_lazy("Most is gained by painting the whole mask."),
)


def _hint(row: Any) -> str:
    """What to do next; on an open image what the project's order found to be worth most a second."""
    if row.question is not None and row.state in ("new", "marked", "proposed"):
        return str(_ASKED[int(row.question)])
    return str(_HINTS[row.state])


def mask_url(sha256: str) -> str:
    """Where a mask's bytes are; permanent."""
    return reverse("api-mask-file", args=[sha256])


def image_row(image: Any) -> Json:
    """One image of a listing; `image` comes from `listed_images`."""
    accepted = None
    if image.accepted_mask_id is not None:
        accepted = {
            "id": image.accepted_mask_id,
            "sha256": image.accepted_sha256,
            "url": mask_url(image.accepted_sha256),
        }
    return {
        "id": image.pk,
        "name": image.name,
        "width": image.width,
        "height": image.height,
        "split": image.split,
        "state": image.state,
        "thumb_url": reverse("api-image-thumb", args=[image.pk]),
        "accepted_mask": accepted,
        "score": image.score,
        "has_features": image.has_features,
        "created_at": image.created_at,
        "leased_by": image.leased_by,
        "open_comments": image.open_comments,
    }


def image_json(image: Image) -> Json:
    """One image with everything its page needs, read afresh."""
    row = image_detail(image)
    return image_row(row) | {
        "full_width": row.full_size[0],
        "full_height": row.full_size[1],
        "mask_scale": row.mask_scale,
        "file_url": reverse("api-image-file", args=[row.pk]),
        "project_id": row.project_id,
        "sha256": row.sha256,
        "original_format": row.original_format,
        "features": _features_ref(row),
        "prior": _prior_ref(row),
        "tiles": tiles_ref(row),
        "skip_reason": row.skip_reason or None,
        "next_hint": _hint(row),
    }


def _features_ref(row: Any) -> Json | None:
    """None until they are computed, which opening the image asks for."""
    sha256 = row.features_sha256
    if sha256 is None:
        return None
    url = reverse("api-image-features", args=[row.pk, sha256])
    return {"url": url, "sha256": sha256, "version": row.features_version}


def _prior_ref(row: Any) -> Json | None:
    """None where no model is in use, it has not seen the image yet, or the image measures."""
    sha256 = row.prior_sha256
    if sha256 is None:
        return None
    return {"url": reverse("api-image-prior", args=[row.pk, sha256]), "sha256": sha256}


class ProjectImages(APIView):
    """GET: images of a project, newest first. POST: add one image (a file in a form)."""

    parser_classes = [MultiPartParser, JSONParser]

    @extend_schema(parameters=[ImageQuery], responses=ImageOut(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        query = parsed(ImageQuery, request.query_params.dict())
        rows = filtered_images(
            listed_images(project),
            state=query.get("state"),
            split=query.get("split"),
            search=query.get("search", ""),
            comments=query.get("comments"),
        )
        pages = CursorPages()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([image_row(image) for image in page or []])

    @extend_schema(request={"multipart/form-data": ImageFileIn}, responses={201: ImageDetailOut})
    def post(self, request: Request, project_id: int) -> Response:
        project = access.project_change(request.user, project_id)
        sent = parsed(ImageFileIn, request.data)["file"]
        image, is_new = create_image_from_upload(
            project=project, by=person(request), name=sent.name or "", stream=sent.file
        )
        if is_new:
            return Response(image_json(image), status=status.HTTP_201_CREATED)
        return Response(image_json(image) | {"duplicate": True})


class ImageDetail(APIView):
    """GET: one image. DELETE: remove it with its marks and masks (owner)."""

    @extend_schema(responses=ImageDetailOut)
    def get(self, request: Request, image_id: int) -> Response:
        return Response(image_json(access.image_read(request.user, image_id)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, image_id: int) -> Response:
        delete_image(image=access.image_manage(request.user, image_id), by=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(responses=OpenApiTypes.BINARY)
class ImageFile(APIView):
    """GET: the picture people mark, 8-bit RGB and upright; of a large one the reduced picture."""

    def get(self, request: Request, image_id: int) -> HttpResponse:
        return blob_response(access.image_read(request.user, image_id).file)


@extend_schema(responses=OpenApiTypes.BINARY)
class ImageThumb(APIView):
    """GET: a small picture for the grid."""

    def get(self, request: Request, image_id: int) -> HttpResponse:
        return blob_response(access.image_read(request.user, image_id).thumb)


@extend_schema(responses=OpenApiTypes.BINARY)
class ImageOriginal(APIView):
    """GET: the bytes that were sent, as a download."""

    def get(self, request: Request, image_id: int) -> HttpResponseBase:
        image = access.image_read(request.user, image_id)
        return download_response(image.original, file_name=image.name.rpartition("/")[2])


@extend_schema(responses=OpenApiTypes.BINARY)
class ImageFeatures(APIView):
    """GET: what the encoder saw, in the codec of `models_zoo.features`. The address holds the hash of the bytes."""

    def get(self, request: Request, image_id: int, sha256: str) -> HttpResponse:
        image = access.image_read(request.user, image_id)
        feature = image.features.filter(sha256=sha256).first()
        if feature is None:
            raise NotFound("There are no such features; the image's own answer names those in use.")
        return blob_response(feature.blob, content_type="application/octet-stream")


@extend_schema(responses=OpenApiTypes.BINARY)
class ImagePriorFile(APIView):
    """GET: what the model in use sees, in the form of `models_zoo.interactive.prior`. The address holds the hash."""

    def get(self, request: Request, image_id: int, sha256: str) -> HttpResponse:
        prior = usable_priors(access.image_read(request.user, image_id)).filter(sha256=sha256).first()
        if prior is None:
            raise NotFound("The model in use says nothing like it; the image's own answer names what it says now.")
        return blob_response(prior.blob, content_type="application/octet-stream")


class ImageHistory(APIView):
    """GET: what happened to the image, newest first."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, image_id: int) -> Response:
        return Response({"results": image_history(image=access.image_read(request.user, image_id))})


class ImageLease(APIView):
    """POST: take the image, or keep it. DELETE: give it back."""

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, image_id: int) -> Response:
        image = access.image_annotate(request.user, image_id)
        lease = leases.take_lease(image=image, user=person(request))
        return Response({"expires_at": lease.expires_at, "heartbeat_s": settings.LEASE_HEARTBEAT_S})

    @extend_schema(responses={204: None})
    def delete(self, request: Request, image_id: int) -> Response:
        leases.release_lease(image=access.image_annotate(request.user, image_id), user=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SkipImage(APIView):
    """POST: take an image nobody decided out of the queue."""

    @extend_schema(request=SkipIn, responses=ImageDetailOut)
    def post(self, request: Request, image_id: int) -> Response:
        image = access.image_annotate(request.user, image_id)
        decisions.skip_image(image=image, by=person(request), **parsed(SkipIn, request.data))
        return Response(image_json(image))


class ReopenImage(APIView):
    """POST: make an accepted or skipped image workable again."""

    @extend_schema(request=None, responses=ImageDetailOut)
    def post(self, request: Request, image_id: int) -> Response:
        image = access.image_annotate(request.user, image_id)
        mask = decisions.reopen_image(image=image, by=person(request))
        start = {"id": mask.pk, "sha256": mask.sha256, "url": mask_url(mask.sha256)} if mask is not None else None
        return Response(image_json(image) | {"start_mask": start})


urlpatterns = [
    path("projects/<int:project_id>/images", ProjectImages.as_view(), name="api-images"),
    path("images/<int:image_id>", ImageDetail.as_view(), name="api-image"),
    path("images/<int:image_id>/file", ImageFile.as_view(), name="api-image-file"),
    path("images/<int:image_id>/thumb", ImageThumb.as_view(), name="api-image-thumb"),
    path("images/<int:image_id>/original", ImageOriginal.as_view(), name="api-image-original"),
    path("images/<int:image_id>/features/<sha256:sha256>", ImageFeatures.as_view(), name="api-image-features"),
    path("images/<int:image_id>/prior/<sha256:sha256>", ImagePriorFile.as_view(), name="api-image-prior"),
    path("images/<int:image_id>/history", ImageHistory.as_view(), name="api-image-history"),
    path("images/<int:image_id>/lease", ImageLease.as_view(), name="api-image-lease"),
    path("images/<int:image_id>/skip", SkipImage.as_view(), name="api-image-skip"),
    path("images/<int:image_id>/reopen", ReopenImage.as_view(), name="api-image-reopen"),
]
