"""HTTP for the admin's view of the machinery."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.errors import NotFound
from labeling.selectors.system import system_status


class SystemStatus(APIView):
    """GET: queues, workers, jobs, room on the disk. Site admins only; for others it does not exist."""

    @extend_schema(responses=dict[str, Any])
    def get(self, request: Request) -> Response:
        if not request.user.is_staff:
            raise NotFound(_("There is nothing here, or you may not see it."))
        return Response(system_status())


urlpatterns = [path("system/status", SystemStatus.as_view(), name="api-system-status")]
