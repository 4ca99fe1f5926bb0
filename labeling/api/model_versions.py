"""HTTP for model versions: parse, permit, call, render."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.pagination import CursorPages
from labeling.api.people import person
from labeling.api.serializers import parsed
from labeling.api.training import Nothing
from labeling.models import ModelVersion
from labeling.selectors import runs as run_selectors
from labeling.selectors.interactive import assisting_methods
from labeling.services.model_versions import activate_version, request_pool_proposals, withdraw_version

Json = dict[str, Any]


def model_version_row(version: ModelVersion) -> Json:
    return {
        "id": version.pk,
        "number": version.number,
        "project_id": version.project_id,
        "method": version.run.method,
        "run_id": version.run_id,
        "metrics": version.metrics,
        "is_active": version.is_active,
        "proposes": version.run.method not in assisting_methods(),
        "created_at": version.created_at,
        "activated_at": version.activated_at,
        "note": version.note,
    }


class ModelVersions(APIView):
    """GET: the project's versions, newest first."""

    @extend_schema(responses=Json)
    def get(self, request: Request, project_id: int) -> Response:
        project = access.project_read(request.user, project_id)
        pages = CursorPages()
        rows = pages.paginate_queryset(run_selectors.model_versions(project), request, view=self) or []
        return pages.get_paginated_response([model_version_row(version) for version in rows])


class ActivateModelVersion(APIView):
    """POST: take it into use (owner); its proposals for the pool follow."""

    @extend_schema(request=Nothing, responses=Json)
    def post(self, request: Request, version_id: int) -> Response:
        version = _managed(request, version_id)
        return Response(model_version_row(activate_version(version=version, by=person(request))))


class WithdrawModelVersion(APIView):
    """POST: take it out of use (owner); its pending proposals go."""

    @extend_schema(request=Nothing, responses=Json)
    def post(self, request: Request, version_id: int) -> Response:
        version = _managed(request, version_id)
        return Response(model_version_row(withdraw_version(version=version, by=person(request))))


class ProposeFromModelVersion(APIView):
    """POST: proposals for images that have none of this version yet (owner)."""

    @extend_schema(request=Nothing, responses={202: Json})
    def post(self, request: Request, version_id: int) -> Response:
        run = request_pool_proposals(version=_managed(request, version_id), by=person(request))
        return Response({"proposal_run": run.pk}, status=status.HTTP_202_ACCEPTED)


def _managed(request: Request, version_id: int) -> ModelVersion:
    """The version, for an owner of its project who changes something."""
    row = ModelVersion.objects.select_related("run", "project").filter(pk=version_id).first()
    version = access.in_project(request.user, row, noun="model version", rule=access.project_change)
    parsed(Nothing, request.data)
    return version


urlpatterns = [
    path("projects/<int:project_id>/model-versions", ModelVersions.as_view(), name="api-model-versions"),
    path("model-versions/<int:version_id>/activate", ActivateModelVersion.as_view(), name="api-model-version-activate"),
    path("model-versions/<int:version_id>/withdraw", WithdrawModelVersion.as_view(), name="api-model-version-withdraw"),
    path(
        "model-versions/<int:version_id>/propose", ProposeFromModelVersion.as_view(), name="api-model-version-propose"
    ),
]
