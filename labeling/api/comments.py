"""HTTP for comments: parse, permit, call, render."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import access
from labeling.api.images import mask_url
from labeling.api.pagination import CursorPages
from labeling.api.people import person
from labeling.api.serializers import StrictSerializer, parsed
from labeling.models import Comment
from labeling.selectors.comments import comment_by_id, image_comments
from labeling.services import comments

Json = dict[str, Any]


class PlaceIn(StrictSerializer):
    x = serializers.FloatField()
    y = serializers.FloatField()


class CommentIn(StrictSerializer):
    text = serializers.CharField(max_length=Comment.MAX_TEXT)
    place = PlaceIn(required=False, allow_null=True, default=None)
    mask_sha256 = serializers.RegexField(r"\A([0-9a-f]{64})?\Z", required=False, allow_blank=True, default="")


def comment_row(comment: Comment) -> Json:
    """One comment; `comment` comes from `labeling.selectors.comments`."""
    mask = comment.proposed_mask
    return {
        "id": comment.pk,
        "image_id": comment.image_id,
        "author": {"id": comment.author_id, "username": comment.author.username},
        "place": None if comment.x is None else {"x": comment.x, "y": comment.y},
        "text": comment.text,
        "proposed_mask": (
            {"id": mask.pk, "sha256": mask.sha256, "url": mask_url(mask.sha256)} if mask is not None else None
        ),
        "resolved_by": comment.resolved_by.username if comment.resolved_by is not None else None,
        "resolved_at": comment.resolved_at,
        "created_at": comment.created_at,
    }


class ImageComments(APIView):
    """GET: what was said about an image, newest first. POST: say something."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, image_id: int) -> Response:
        pages = CursorPages()
        page = pages.paginate_queryset(image_comments(access.image_read(request.user, image_id)), request, view=self)
        return pages.get_paginated_response([comment_row(comment) for comment in page or []])

    @extend_schema(request=CommentIn, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, image_id: int) -> Response:
        image = access.image_annotate(request.user, image_id)
        sent = parsed(CommentIn, request.data)
        at = sent["place"]
        comment = comments.add_comment(
            image=image,
            author=person(request),
            text=sent["text"],
            place=None if at is None else (at["x"], at["y"]),
            mask_sha256=sent["mask_sha256"],
        )
        return Response(comment_row(comment), status=status.HTTP_201_CREATED)


def _own_project(request: Request, comment_id: int) -> Comment:
    return access.in_project(request.user, comment_by_id(comment_id), noun="comment", rule=access.project_annotate)


class CommentDetail(APIView):
    """DELETE: take back what one said."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, comment_id: int) -> Response:
        comments.delete_comment(comment=_own_project(request, comment_id), by=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResolveComment(APIView):
    """POST: nothing is left to do about it; 409 if somebody was faster."""

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, comment_id: int) -> Response:
        comment = _own_project(request, comment_id)
        return Response(comment_row(comments.resolve_comment(comment=comment, by=person(request))))


class ReopenComment(APIView):
    """POST: something is left to do after all; 409 if it is open."""

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, comment_id: int) -> Response:
        comment = _own_project(request, comment_id)
        return Response(comment_row(comments.reopen_comment(comment=comment, by=person(request))))


urlpatterns = [
    path("images/<int:image_id>/comments", ImageComments.as_view(), name="api-image-comments"),
    path("comments/<int:comment_id>", CommentDetail.as_view(), name="api-comment"),
    path("comments/<int:comment_id>/resolve", ResolveComment.as_view(), name="api-comment-resolve"),
    path("comments/<int:comment_id>/reopen", ReopenComment.as_view(), name="api-comment-reopen"),
]
