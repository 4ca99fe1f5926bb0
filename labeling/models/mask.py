"""Mask, Proposal and Review: what is offered, what is accepted, what a second person said."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.annotation import Annotation
from labeling.models.image import Image


class Mask(models.Model):
    """A complete label map of an image, immutable. Bytes are an index PNG named by its hash; 255 is ignore."""

    class Origin(models.TextChoices):
        PAINTED = "painted"
        EDITED = "edited"
        MODEL = "model"
        INTERACTIVE = "interactive"
        POLISHED = "polished"
        IMPORTED = "imported"

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="masks")
    blob = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64, db_index=True)
    origin = models.CharField(max_length=11, choices=Origin)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="masks"
    )
    model_version = models.ForeignKey(
        "labeling.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="masks"
    )
    method = models.CharField(max_length=60, blank=True)
    marks_revision = models.PositiveIntegerField(null=True, blank=True)
    provenance = models.CharField(max_length=120, blank=True)  # blob: index PNG, see labeling.provenance
    pixel_counts = models.JSONField(default=dict)  # {"class index": pixels}
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(origin__in=["painted", "edited", "model", "interactive", "polished", "imported"]),
                name="mask_origin_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.origin} mask {self.sha256[:8]} of {self.image_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only: a mask never changes."""
        if self.pk is not None and not kwargs.get("force_insert"):
            raise TypeError("a mask never changes; store a new one with this one as its parent")
        super().save(*args, **kwargs)


class Proposal(models.Model):
    """A mask offered to a person; comes from a model version or from an interactive method, never both."""

    class Status(models.TextChoices):
        PENDING = "pending"
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        SUPERSEDED = "superseded"

    class Source(models.TextChoices):
        INTERACTIVE = "interactive"
        MODEL = "model"

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="proposals")
    mask = models.ForeignKey(Mask, on_delete=models.CASCADE, related_name="proposals")
    run = models.ForeignKey("labeling.ProposalRun", null=True, on_delete=models.SET_NULL, related_name="proposals")
    source = models.CharField(max_length=11, choices=Source)
    annotation = models.ForeignKey(
        Annotation, null=True, blank=True, on_delete=models.CASCADE, related_name="proposals"
    )  # whose marks an interactive proposal was computed from
    source_revision = models.PositiveIntegerField(null=True, blank=True)
    model_version = models.ForeignKey(
        "labeling.ModelVersion", null=True, blank=True, on_delete=models.CASCADE, related_name="proposals"
    )
    method = models.CharField(max_length=60, blank=True)
    uncertainty = models.FloatField(null=True, blank=True)  # mean over the image, 0 sure … 1 not
    uncertainty_blob = models.CharField(max_length=120, blank=True)  # 8-bit grey PNG
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reject_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["image", "annotation"],
                condition=Q(status="pending", source="interactive"),
                name="proposal_one_pending_interactive_per_annotation",
            ),
            models.UniqueConstraint(
                fields=["image"],
                condition=Q(status="pending", source="model"),
                name="proposal_one_pending_model_per_image",
            ),
            # Makes storing a run's offers safe to repeat.
            models.UniqueConstraint(fields=["run", "image"], name="proposal_once_per_run_and_image"),
            models.CheckConstraint(
                condition=Q(status__in=["accepted", "rejected"], decided_by__isnull=False, decided_at__isnull=False)
                | Q(status__in=["pending", "superseded"], decided_by=None, decided_at=None),
                name="proposal_decided_fields_iff_decided",
            ),
            models.CheckConstraint(
                condition=Q(source="model", model_version__isnull=False, annotation=None, method="")
                | (Q(source="interactive", model_version=None, annotation__isnull=False) & ~Q(method="")),
                name="proposal_from_exactly_one_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} proposal for {self.image_id}, {self.status}"


class Review(models.Model):
    """A second person's verdict on a mask. Append-only: the latest counts."""

    class Verdict(models.TextChoices):
        APPROVED = "approved"
        CHANGES_REQUESTED = "changes_requested"

    mask = models.ForeignKey(Mask, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=17, choices=Verdict)
    comment = models.TextField(blank=True, max_length=2_000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=["approved", "changes_requested"]), name="review_verdict_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.reviewer}"
