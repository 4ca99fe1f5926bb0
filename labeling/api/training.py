"""HTTP for training and proposal runs: parse, permit, call, render."""

from __future__ import annotations

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
from labeling.models import ProposalRun, TrainingRun
from labeling.selectors import runs as run_selectors
from labeling.services import runs as run_services
from labeling.services.training import start_training_run

Json = dict[str, Any]


class TrainingRunIn(StrictSerializer):
    """Method, its settings, which kinds of mark (all the method accepts by default) and splits, and the seed."""

    method = serializers.CharField(max_length=60)
    config = serializers.DictField(required=False, default=dict)
    marks = serializers.ListField(child=serializers.CharField(max_length=10), max_length=10, required=False)
    splits = serializers.ListField(child=serializers.CharField(max_length=5), max_length=3, default=["train"])
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)


class Nothing(StrictSerializer):
    """A body without fields."""


def training_run_row(run: TrainingRun, *, with_curve: bool = True) -> Json:
    """One run; without its curve in lists, where fifty of them would weigh megabytes."""
    version = getattr(run, "model_version", None)
    return {
        "id": run.pk,
        "number": run.number,
        "project_id": run.project_id,
        "status": run.status,
        "method": run.method,
        "config": run.config,
        "marks": run.mark_kinds,
        "seed": run.seed,
        "attempt": run.attempt,
        "done": run.done,
        "total": run.total,
        "metrics": run.metrics,
        "curve": run.curve if with_curve else [],
        "error": run.error,
        "cancel_requested": run.cancel_requested,
        "created_by": None
        if run.created_by is None
        else {"id": run.created_by.pk, "username": run.created_by.username},
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "eta_s": run_selectors.eta_s(run),
        "model_version": None if version is None else {"id": version.pk, "number": version.number},
        "num_images": run.num_images,
        "num_marks": run.num_marks,
        "snapshot_hash": run.snapshot_hash,
        "code_version": run.code_version,
    }


def proposal_run_row(run: ProposalRun) -> Json:
    is_image = run.scope == ProposalRun.Scope.IMAGE
    return {
        "id": run.pk,
        "project_id": run.project_id,
        "status": run.status,
        "scope": run.scope,
        "image_id": run.image_id,
        "model_version": (
            {"id": run.model_version.pk, "number": run.model_version.number} if run.model_version else None
        ),
        "method": run.method,
        "done": run.done,
        "total": run.total,
        "error": run.error,
        "cancel_requested": run.cancel_requested,
        "proposal_id": run.proposals.values_list("pk", flat=True).first() if is_image else None,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "eta_s": run_selectors.eta_s(run),
    }


class TrainingRuns(APIView):
    """GET: the project's runs, newest first. POST: start one (owner)."""

    @extend_schema(responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        pages = CursorPages()
        rows = pages.paginate_queryset(run_selectors.training_runs(project), request, view=self) or []
        return pages.get_paginated_response([training_run_row(run, with_curve=False) for run in rows])

    @extend_schema(request=TrainingRunIn, responses={201: Json})
    def post(self, request: Request, project_id: int) -> Response:
        project = access.project_change(request.user, project_id)
        values = parsed(TrainingRunIn, request.data)
        run = start_training_run(project=project, by=person(request), mark_kinds=values.pop("marks", None), **values)
        return Response(training_run_row(run), status=status.HTTP_201_CREATED)


class OneTrainingRun(APIView):
    """GET: one run with its curve."""

    @extend_schema(responses=Json)
    def get(self, request: Request, run_id: int) -> Response:
        run = _training_run(request, run_id, access.project_read)
        return Response(training_run_row(run))


class CancelTrainingRun(APIView):
    """POST: stop it (owner). A queued run ends at once, a running one within seconds."""

    @extend_schema(request=Nothing, responses=Json)
    def post(self, request: Request, run_id: int) -> Response:
        run = _training_run(request, run_id, access.project_manage)
        parsed(Nothing, request.data)
        run_services.request_cancel(run, by=person(request))
        return Response(training_run_row(run))


class ProposalRuns(APIView):
    """GET: runs over the whole pool, newest first."""

    @extend_schema(responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        pages = CursorPages()
        rows = pages.paginate_queryset(run_selectors.pool_runs(project), request, view=self) or []
        return pages.get_paginated_response([proposal_run_row(run) for run in rows])


class OneProposalRun(APIView):
    """GET: how far a run is, and for one image's run the proposal it made."""

    @extend_schema(responses=Json)
    def get(self, request: Request, run_id: int) -> Response:
        run = _proposal_run(request, run_id, access.project_read)
        return Response(proposal_run_row(run))


class CancelProposalRun(APIView):
    """POST: stop it. A run over the pool is the owner's to stop, one for an image any annotator's."""

    @extend_schema(request=Nothing, responses=Json)
    def post(self, request: Request, run_id: int) -> Response:
        run = _proposal_run(request, run_id, access.project_read)
        is_pool = run.scope == ProposalRun.Scope.POOL
        may = access.project_manage if is_pool else access.project_annotate
        may(request.user, run.project_id)
        parsed(Nothing, request.data)
        run_services.request_cancel(run, by=person(request))
        return Response(proposal_run_row(run))


def _training_run(request: Request, run_id: int, rule: access.Rule) -> TrainingRun:
    row = TrainingRun.objects.select_related("created_by", "model_version", "project").filter(pk=run_id).first()
    return access.in_project(request.user, row, noun="training run", rule=rule)


def _proposal_run(request: Request, run_id: int, rule: access.Rule) -> ProposalRun:
    row = ProposalRun.objects.select_related("model_version", "project").filter(pk=run_id).first()
    return access.in_project(request.user, row, noun="proposal run", rule=rule)


urlpatterns = [
    path("projects/<int:project_id>/training-runs", TrainingRuns.as_view(), name="api-training-runs"),
    path("training-runs/<int:run_id>", OneTrainingRun.as_view(), name="api-training-run"),
    path("training-runs/<int:run_id>/cancel", CancelTrainingRun.as_view(), name="api-training-run-cancel"),
    path("projects/<int:project_id>/proposal-runs", ProposalRuns.as_view(), name="api-proposal-runs"),
    path("proposal-runs/<int:run_id>", OneProposalRun.as_view(), name="api-proposal-run"),
    path("proposal-runs/<int:run_id>/cancel", CancelProposalRun.as_view(), name="api-proposal-run-cancel"),
]
