"""HTTP for what the zoo offers: names, settings and help texts, without torch."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models_zoo import MarkKind, MethodInfo, config_fields, list_acquisitions, list_interactive, list_methods

Json = dict[str, Any]


def method_row(info: MethodInfo) -> Json:
    return {
        "name": info.name,
        "title": _(info.title),
        "summary": _(info.summary),
        "accepts": [kind.value for kind in MarkKind if kind in info.accepts],
        "paper": info.paper,
        "license": info.license,
        "fields": [dataclasses.asdict(field) | {"help": _(field.help)} for field in config_fields(info.config)],
    }


class Methods(APIView):
    """GET: ways to learn with their settings, interactive methods and acquisition functions."""

    @extend_schema(responses=Json)
    def get(self, request: Request) -> Response:
        return Response(
            {
                "methods": [method_row(info) for info in list_methods()],
                "interactive": [info.name for info in list_interactive()],
                "acquisitions": [info.name for info in list_acquisitions()],
            }
        )


urlpatterns = [path("methods", Methods.as_view(), name="api-methods")]
