"""HTTP for exports: parse, permit, call, render."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.files import download_response
from labeling.api.pagination import CursorPages
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.errors import NotFound
from labeling.exporters.registry import FORMATS
from labeling.models import ExportJob, JobStatus, Split
from labeling.services import runs
from labeling.services.exporting import file_name
from labeling.services.exports import ExportOptions, request_export

Json = dict[str, Any]


class OptionsIn(StrictSerializer):
    images = serializers.BooleanField(default=False)
    splits = serializers.ListField(
        child=serializers.ChoiceField(choices=Split.choices), min_length=1, max_length=3, default=Split.values
    )
    approved_only = serializers.BooleanField(default=True)


class ExportIn(StrictSerializer):
    format = serializers.CharField(max_length=40)
    options = OptionsIn(required=False)


class ExportFileOut(serializers.Serializer[Any]):
    url = serializers.CharField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class ExportOut(serializers.Serializer[Any]):
    """An export, for the schema; `export_row` writes it."""

    id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=JobStatus.choices)
    format = serializers.CharField()
    options = serializers.DictField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    error = serializers.CharField()
    file = ExportFileOut(allow_null=True)
    num_images = serializers.IntegerField()
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


def export_row(job: ExportJob) -> Json:
    file = None
    if job.file:
        url = reverse("export-file", args=[job.pk])
        file = {"url": url, "name": file_name(job), "size": job.file_size, "sha256": job.file_sha256}
    return {
        "id": job.pk,
        "status": job.status,
        "format": job.format,
        "options": job.options,
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "file": file,
        "num_images": job.num_images,
        "created_by": job.created_by.username if job.created_by is not None else None,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


def _managed(request: Request, export_id: int) -> ExportJob:
    """An export of a project I own."""
    row = ExportJob.objects.select_related("project", "created_by").filter(pk=export_id).first()
    return access.in_project(request.user, row, noun="export", rule=access.project_manage)


class ExportFormats(APIView):
    """GET: the formats there are."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = [{"name": f.name, "title": _(f.title), "description": _(f.description)} for f in FORMATS.values()]
        return Response({"results": rows, "next": None, "previous": None})


class ProjectExports(APIView):
    """GET: exports, newest first. POST: freeze the accepted masks and have them written (owner)."""

    @extend_schema(responses=ExportOut(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_manage(request.user, project_id)
        pages = CursorPages()
        rows = project.export_jobs.select_related("project", "created_by")
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([export_row(job) for job in page])

    @extend_schema(request=ExportIn, responses={202: ExportOut})
    def post(self, request: Request, project_id: int) -> Response:
        project = access.project_manage(request.user, project_id)
        values = parsed(ExportIn, request.data)
        chosen = values.get("options", {})
        options = ExportOptions(**{**chosen, "splits": _in_order(chosen.get("splits", Split.values))})
        job = request_export(project=project, format_name=values["format"], options=options, by=person(request))
        return Response(export_row(job), status=status.HTTP_202_ACCEPTED)


def _in_order(splits: list[str]) -> tuple[str, ...]:
    """Each once, always in the same order, so that the same wish gives the same bytes."""
    return tuple(name for name in Split.values if name in splits)


class OneExport(APIView):
    """GET: how far an export is, and its file."""

    @extend_schema(responses=ExportOut)
    def get(self, request: Request, export_id: int) -> Response:
        return Response(export_row(_managed(request, export_id)))


class CancelExport(APIView):
    """POST: stop; nothing is kept."""

    @extend_schema(request=None, responses=ExportOut)
    def post(self, request: Request, export_id: int) -> Response:
        job = _managed(request, export_id)
        runs.request_cancel(job, by=person(request))
        return Response(export_row(job))


@extend_schema(responses=OpenApiTypes.BINARY)
class ExportFile(APIView):
    """GET: the archive, as a download."""

    def get(self, request: Request, export_id: int) -> HttpResponseBase:
        job = _managed(request, export_id)
        if not job.file:
            raise NotFound(_("This export has no file; look at its status."))
        return download_response(job.file, file_name=file_name(job), size=job.file_size)


urlpatterns = [
    path("export-formats", ExportFormats.as_view(), name="export-formats"),
    path("projects/<int:project_id>/exports", ProjectExports.as_view(), name="exports"),
    path("exports/<int:export_id>", OneExport.as_view(), name="export"),
    path("exports/<int:export_id>/cancel", CancelExport.as_view(), name="export-cancel"),
    path("exports/<int:export_id>/file", ExportFile.as_view(), name="export-file"),
]
