"""Annotation: all marks of one person on one image, under a revision."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.image import Image
from labeling.models.project import LabelClass
from models_zoo import MarkKind


class Annotation(models.Model):
    """One per person and image. Every save names the revision it started from."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        SUBMITTED = "submitted"

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="annotations")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="annotations")
    revision = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["image", "author"], name="annotation_once_per_person_and_image"),
            models.CheckConstraint(condition=Q(status__in=["draft", "submitted"]), name="annotation_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.author} on {self.image_id}, revision {self.revision}"


class Mark(models.Model):
    """One weak label. `geometry` is the wire format of `models_zoo.marks`, in image pixels; `seconds` spent on it."""

    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, related_name="marks")
    uuid = models.UUIDField(default=uuid.uuid4)
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="marks")
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in MarkKind])
    sign = models.SmallIntegerField(default=1)
    geometry = models.JSONField(default=dict, blank=True)
    made_at = models.DateTimeField()
    seconds = models.FloatField(default=0.0)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["annotation", "uuid"], name="mark_uuid_once_per_annotation"),
            models.CheckConstraint(condition=Q(kind__in=[kind.value for kind in MarkKind]), name="mark_kind_known"),
            models.CheckConstraint(condition=Q(sign__in=[-1, 1]), name="mark_sign_is_plus_or_minus_one"),
            models.CheckConstraint(condition=Q(seconds__gte=0), name="mark_seconds_not_negative"),
            models.UniqueConstraint(
                fields=["annotation", "label_class"], condition=Q(kind="tag"), name="mark_one_tag_per_class"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of class {self.label_class_id}"
