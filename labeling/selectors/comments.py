"""Reads of comments."""

from __future__ import annotations

from django.db.models import QuerySet

from labeling.models import Comment, Image


def image_comments(image: Image) -> QuerySet[Comment]:
    """Comments of an image with all that a row shows; any order."""
    return Comment.objects.filter(image=image).select_related("author", "resolved_by", "proposed_mask")


def comment_by_id(comment_id: int) -> Comment | None:
    """One comment with the project it belongs to; whether somebody may see it is `access`'s to say."""
    rows = Comment.objects.select_related("author", "resolved_by", "proposed_mask", "image__project")
    return rows.filter(pk=comment_id).first()
