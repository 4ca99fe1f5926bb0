"""Reads of annotations and their marks, in the shape in which they leave the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User

from labeling.models import Annotation, Image, Mark
from models_zoo import Mark as ZooMark
from models_zoo import parse_mark


def stored_marks(annotation: Annotation) -> list[Mark]:
    """The marks in drawing order (a later one wins), with their classes."""
    return list(annotation.marks.select_related("label_class").order_by("pk"))


def mark_row(mark: Mark) -> dict[str, Any]:
    """One mark in the wire form."""
    return {
        "id": str(mark.uuid),
        "kind": mark.kind,
        "class_index": mark.label_class.index,
        "sign": mark.sign,
        "geometry": mark.geometry,
        "made_at": mark.made_at.isoformat(),
        "seconds": mark.seconds,
    }


def annotation_row(annotation: Annotation, marks: Sequence[Mark]) -> dict[str, Any]:
    """Revision, status and marks."""
    return {
        "revision": annotation.revision,
        "status": annotation.status,
        "marks": [mark_row(mark) for mark in marks],
    }


def own_annotation(*, image: Image, user: User) -> dict[str, Any]:
    """The user's annotation, revision 0 where there is none yet, and what others marked."""
    rows = list(
        Annotation.objects.filter(image=image)
        .select_related("author")
        .prefetch_related("marks__label_class")
        .order_by("pk")
    )
    own = next((row for row in rows if row.author_id == user.pk), None)
    mine = own if own is not None else Annotation(image=image, author=user)
    marks = list(own.marks.all()) if own is not None else []
    others = [
        {"author": row.author.username, "marks": [mark_row(mark) for mark in row.marks.all()]}
        for row in rows
        if row.author_id != user.pk
    ]
    return annotation_row(mine, marks) | {"others": [other for other in others if other["marks"]]}


def zoo_marks(annotation_id: int | None) -> list[ZooMark]:
    """An annotation's marks as the zoo reads them, in drawing order."""
    rows = Mark.objects.filter(annotation=annotation_id).order_by("pk")
    return [
        parse_mark(kind=kind, class_index=class_index, sign=sign, geometry=geometry)
        for kind, class_index, sign, geometry in rows.values_list("kind", "label_class__index", "sign", "geometry")
    ]
