"""HTTP for uploads: parse, permit, call, render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.errors import Invalid
from labeling.models import Upload
from labeling.services import uploads

Json = dict[str, Any]


class UploadIn(StrictSerializer):
    name = serializers.CharField(max_length=1_000)
    size = serializers.IntegerField(min_value=0, max_value=2**50)


class UploadOut(serializers.Serializer[Any]):
    """An upload, for the schema; `upload_row` writes it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    received = serializers.IntegerField()
    chunk_bytes = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Upload.Status.choices)


class ChunkParser(BaseParser):
    """The body as bytes under the name `chunk`, at most UPLOAD_CHUNK_BYTES of it."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        limit = settings.UPLOAD_CHUNK_BYTES
        data: bytes = stream.read(limit + 1)
        if len(data) > limit:
            raise Invalid(
                _("Send at most %(limit)s bytes at a time.") % {"limit": f"{limit:,}"}, code="chunk_too_large"
            )
        return {"chunk": data}


def upload_row(upload: Upload) -> Json:
    return {
        "id": upload.pk,
        "name": upload.name,
        "size": upload.size,
        "received": upload.received,
        "chunk_bytes": settings.UPLOAD_CHUNK_BYTES,
        "status": upload.status,
    }


def _own_upload(request: Request, upload_id: UUID) -> Upload:
    """An upload of mine, in a project I still own. Another owner's does not exist, but for a site admin."""
    me = person(request)
    row = Upload.objects.filter(pk=upload_id).first()
    upload = access.in_project(me, row, noun="upload", rule=access.project_manage)
    if upload.created_by_id != me.pk and not me.is_staff:
        raise access.missing("upload")
    return upload


class ProjectUploads(APIView):
    """POST: announce a file (owner)."""

    @extend_schema(request=UploadIn, responses={201: UploadOut})
    def post(self, request: Request, project_id: int) -> Response:
        project = access.project_change(request.user, project_id)
        values = parsed(UploadIn, request.data)
        upload = uploads.create_upload(project=project, by=person(request), **values)
        return Response(upload_row(upload), status=status.HTTP_201_CREATED)


class OneUpload(APIView):
    """GET: how much has arrived. PATCH: the next bytes. DELETE: give it up."""

    parser_classes = [ChunkParser]

    @extend_schema(responses=UploadOut)
    def get(self, request: Request, upload_id: UUID) -> Response:
        return Response(upload_row(_own_upload(request, upload_id)))

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)],
        responses=UploadOut,
    )
    def patch(self, request: Request, upload_id: UUID) -> Response:
        upload = _own_upload(request, upload_id)
        text = request.headers.get("Upload-Offset", "")
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise Invalid(_("Say in the header Upload-Offset where these bytes begin."), code="bad_offset")
        data = request.data.get("chunk", b"") if isinstance(request.data, dict) else b""
        return Response(upload_row(uploads.append_chunk(upload=upload, offset=int(text), data=data)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, upload_id: UUID) -> Response:
        uploads.delete_upload(upload=_own_upload(request, upload_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


urlpatterns = [
    path("projects/<int:project_id>/uploads", ProjectUploads.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", OneUpload.as_view(), name="upload"),
]
