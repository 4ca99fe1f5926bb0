"""HTTP for annotations: parse, permit, call, render."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.models import Annotation
from labeling.selectors.annotations import annotation_row, own_annotation
from labeling.services.annotations import save_annotation
from models_zoo import MarkKind


class MarkShape(serializers.Serializer[Any]):
    """A mark on the wire, for the schema; `labeling.services.marks` reads it (2,000 of them in milliseconds)."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in MarkKind])
    class_index = serializers.IntegerField(min_value=0, max_value=253)
    sign = serializers.ChoiceField(choices=[1, -1], default=1)
    geometry = serializers.DictField(required=False)
    made_at = serializers.DateTimeField(required=False)
    seconds = serializers.FloatField(min_value=0, required=False)


class AnnotationShape(serializers.Serializer[Any]):
    revision = serializers.IntegerField(min_value=0)
    status = serializers.ChoiceField(choices=Annotation.Status.choices)
    marks = MarkShape(many=True)


class OthersShape(serializers.Serializer[Any]):
    author = serializers.CharField()
    marks = MarkShape(many=True)


class OwnAnnotationShape(AnnotationShape):
    others = OthersShape(many=True)


class SaveShape(serializers.Serializer[Any]):
    """The body of a save, for the schema."""

    revision = serializers.IntegerField(min_value=0)
    marks = MarkShape(many=True)
    deleted = serializers.ListField(child=serializers.UUIDField(), required=False)
    propose = serializers.CharField(allow_null=True, required=False)


class SavedShape(AnnotationShape):
    proposal_run = serializers.IntegerField(allow_null=True)


class SaveIn(StrictSerializer):
    """`marks` replaces what is stored, so what is in it stays whatever `deleted` says.

    `deleted` are the ids a client took away since its last save; they are checked and otherwise for its own merge.
    """

    revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    marks = serializers.JSONField()
    deleted = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=20_000)
    propose = serializers.CharField(max_length=60, allow_null=True, required=False, default=None)

    def validate_marks(self, value: object) -> object:
        if not isinstance(value, list):
            raise serializers.ValidationError("Send a list of marks.")
        return value


class ImageAnnotation(APIView):
    """GET: my marks on an image, and what others marked. PUT: replace mine, under the revision they started from."""

    @extend_schema(responses=OwnAnnotationShape)
    def get(self, request: Request, image_id: int) -> Response:
        image = access.image_read(request.user, image_id)
        return Response(own_annotation(image=image, user=person(request)))

    @extend_schema(request=SaveShape, responses=SavedShape)
    def put(self, request: Request, image_id: int) -> Response:
        image = access.image_annotate(request.user, image_id)
        sent = parsed(SaveIn, request.data)
        saved = save_annotation(
            image=image,
            author=person(request),
            revision=sent["revision"],
            marks=sent["marks"],
            propose=sent["propose"],
        )
        row = annotation_row(saved.annotation, saved.marks)
        return Response(row | {"proposal_run": saved.run.pk if saved.run is not None else None})


urlpatterns = [path("images/<int:image_id>/annotation", ImageAnnotation.as_view(), name="api-annotation")]
