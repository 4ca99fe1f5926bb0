"""HTTP for imports: parse, permit, call, render."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.pagination import CursorPages
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.models import ImportItem, ImportJob, JobStatus
from labeling.services import imports, runs

Json = dict[str, Any]


class ImportIn(StrictSerializer):
    uploads = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=50_000)


class ItemQuery(StrictSerializer):
    outcome = serializers.ChoiceField(choices=ImportItem.Outcome.choices, required=False)
    cursor = serializers.CharField(max_length=500, required=False, allow_blank=True)
    limit = serializers.IntegerField(required=False)


class ImportOut(serializers.Serializer[Any]):
    """An import, for the schema; `import_row` writes it."""

    id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=JobStatus.choices)
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    error = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ImportItemOut(serializers.Serializer[Any]):
    """A line of the report, for the schema; `item_row` writes it."""

    name = serializers.CharField()
    outcome = serializers.ChoiceField(choices=ImportItem.Outcome.choices)
    code = serializers.CharField()
    message = serializers.CharField()
    image_id = serializers.IntegerField(allow_null=True)


class _InOrder(CursorPages):
    """Oldest first: a report reads from its beginning."""

    ordering = "id"


def import_rows(jobs: Sequence[ImportJob]) -> list[Json]:
    counts = imports.counts_by_job(jobs)
    return [import_row(job, counts[job.pk]) for job in jobs]


def import_row(job: ImportJob, counts: dict[str, int]) -> Json:
    return {
        "id": job.pk,
        "status": job.status,
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "counts": counts,
        "created_by": job.created_by.username if job.created_by is not None else None,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


def item_row(item: ImportItem) -> Json:
    return {
        "name": item.name,
        "outcome": item.outcome,
        "code": item.code,
        "message": item.message,
        "image_id": item.image_id,
    }


def _managed(request: Request, import_id: int) -> ImportJob:
    """An import of a project I own."""
    row = ImportJob.objects.select_related("project", "created_by").filter(pk=import_id).first()
    return access.in_project(request.user, row, noun="import", rule=access.project_manage)


class ProjectImports(APIView):
    """GET: past and running imports, newest first. POST: import finished uploads (owner)."""

    @extend_schema(responses=ImportOut(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_manage(request.user, project_id)
        pages = CursorPages()
        rows = pages.paginate_queryset(project.import_jobs.select_related("created_by"), request, view=self) or []
        return pages.get_paginated_response(import_rows(rows))

    @extend_schema(request=ImportIn, responses={202: ImportOut})
    def post(self, request: Request, project_id: int) -> Response:
        project = access.project_change(request.user, project_id)
        ids = parsed(ImportIn, request.data)["uploads"]
        job = imports.start_import(project=project, upload_ids=ids, by=person(request))
        return Response(import_rows([job])[0], status=status.HTTP_202_ACCEPTED)


class OneImport(APIView):
    """GET: how far an import is."""

    @extend_schema(responses=ImportOut)
    def get(self, request: Request, import_id: int) -> Response:
        return Response(import_rows([_managed(request, import_id)])[0])


class ImportItems(APIView):
    """GET: what became of each file."""

    @extend_schema(parameters=[ItemQuery], responses=ImportItemOut(many=True))
    def get(self, request: Request, import_id: int) -> Response:
        rows = _managed(request, import_id).items.all()
        outcome = parsed(ItemQuery, request.query_params).get("outcome")
        if outcome:
            rows = rows.filter(outcome=outcome)
        pages = _InOrder()
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([item_row(item) for item in page])


class CancelImport(APIView):
    """POST: stop; what is in stays."""

    @extend_schema(request=None, responses=ImportOut)
    def post(self, request: Request, import_id: int) -> Response:
        job = _managed(request, import_id)
        runs.request_cancel(job, by=person(request))
        return Response(import_rows([job])[0])


urlpatterns = [
    path("projects/<int:project_id>/imports", ProjectImports.as_view(), name="imports"),
    path("imports/<int:import_id>", OneImport.as_view(), name="import"),
    path("imports/<int:import_id>/items", ImportItems.as_view(), name="import-items"),
    path("imports/<int:import_id>/cancel", CancelImport.as_view(), name="import-cancel"),
]
