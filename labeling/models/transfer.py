"""Upload, ImportJob and ExportJob: images and masks in, data sets out."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from labeling.models.image import Image
from labeling.models.job import Job, JobStatus, job_constraints
from labeling.models.project import Project


class Upload(models.Model):
    """A file on its way in, chunk by chunk; its bytes lie in UPLOAD_DIR under the row's id, never under its name."""

    class Status(models.TextChoices):
        OPEN = "open"
        COMPLETE = "complete"
        USED = "used"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="uploads")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=500)
    size = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(size__gt=0), name="upload_not_empty"),
            models.CheckConstraint(
                condition=Q(received__gte=0, received__lte=F("size")), name="upload_received_within_size"
            ),
            models.CheckConstraint(
                condition=Q(status="open") | Q(received=F("size")), name="upload_complete_when_all_received"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ImportJob(Job):
    """Turns uploads, or a folder on the server (command line only), into images and imported masks."""

    kind = "import_job"
    task_name = "transfer.import_images"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="import_jobs")
    uploads = models.ManyToManyField(Upload, related_name="import_jobs", blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = job_constraints("import_job")

    def __str__(self) -> str:
        return f"import {self.pk}, {self.status}"


class ImportItem(models.Model):
    """What became of one file of an import."""

    class Outcome(models.TextChoices):
        IMPORTED = "imported"
        DUPLICATE = "duplicate"
        MASK = "mask"
        REJECTED = "rejected"

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="items")
    name = models.CharField(max_length=500)
    outcome = models.CharField(max_length=9, choices=Outcome)
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=500, blank=True)
    image = models.ForeignKey(Image, null=True, blank=True, on_delete=models.SET_NULL, related_name="import_items")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["job", "name"], name="import_item_once_per_name"),
            models.CheckConstraint(
                condition=Q(outcome__in=["imported", "duplicate", "mask", "rejected"]),
                name="import_item_outcome_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome}"


class ExportJob(Job):
    """A data set being written. Same snapshot, same bytes."""

    kind = "export_job"
    task_name = "transfer.export"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="export_jobs")
    format = models.CharField(max_length=40)
    options = models.JSONField(default=dict)
    snapshot = models.CharField(max_length=120)
    snapshot_hash = models.CharField(max_length=64)
    num_images = models.PositiveIntegerField(default=0)
    file = models.CharField(max_length=120, blank=True)
    file_sha256 = models.CharField(max_length=64, blank=True)
    file_size = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            *job_constraints("export_job"),
            models.CheckConstraint(
                condition=(Q(status=JobStatus.SUCCEEDED) & ~Q(file="")) | (~Q(status=JobStatus.SUCCEEDED) & Q(file="")),
                name="export_job_file_iff_succeeded",
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}, {self.status}"
