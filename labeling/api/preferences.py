"""HTTP for what belongs to the person, not to a project."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.models import CharacterKeys, Preferences
from labeling.selectors.preferences import preferences_of
from labeling.services.preferences import save_preferences

Json = dict[str, Any]


class PreferencesIn(StrictSerializer):
    keys = serializers.DictField(child=serializers.ListField(child=serializers.CharField(max_length=40), max_length=10))
    character_keys = serializers.ChoiceField(choices=CharacterKeys.choices)


class MyPreferences(APIView):
    """GET: my keys. PUT: replace them; a key with two meanings is refused (400 `key_conflict`)."""

    serializer_class = PreferencesIn

    @extend_schema(responses=Json)
    def get(self, request: Request) -> Response:
        return Response(_shown(preferences_of(person(request))))

    @extend_schema(request=PreferencesIn, responses=Json)
    def put(self, request: Request) -> Response:
        row = save_preferences(user=person(request), **parsed(PreferencesIn, request.data))
        return Response(_shown(row))


def _shown(row: Preferences) -> Json:
    return {"keys": row.keys, "character_keys": row.character_keys}


urlpatterns = [path("me/preferences", MyPreferences.as_view(), name="api-preferences")]
