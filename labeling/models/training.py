"""TrainingRun and the numbered, immutable ModelVersion it makes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from labeling.models.job import Job, JobStatus, job_constraints
from labeling.models.project import Project


class TrainingRun(Job):
    """The act of training one method on one snapshot. At most one is active per project."""

    kind = "training_run"
    task_name = "training.train"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="training_runs")
    number = models.PositiveIntegerField()
    method = models.CharField(max_length=60)
    config = models.JSONField(default=dict)
    mark_kinds = models.JSONField(default=list)
    snapshot = models.CharField(max_length=120)  # blob: the manifest; image and mask blobs are named inside
    snapshot_hash = models.CharField(max_length=64)
    num_images = models.PositiveIntegerField(default=0)
    num_marks = models.PositiveIntegerField(default=0)
    seed = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict, blank=True)  # latest values
    curve = models.JSONField(default=list, blank=True)  # [{"step": …, name: value}], thinned to at most 400 points
    code_version = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            *job_constraints("training_run"),
            models.UniqueConstraint(fields=["project", "number"], name="training_run_number_once_per_project"),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]),
                name="training_run_one_active_per_project",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.number} of {self.project_id}, {self.status}"


class ModelVersion(models.Model):
    """What a succeeded run made. Only `is_active`, `activated_at` and `note` ever change."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="model_versions")
    run = models.OneToOneField(TrainingRun, on_delete=models.PROTECT, related_name="model_version")
    number = models.PositiveIntegerField()
    weights = models.CharField(max_length=120)  # blobs
    manifest = models.CharField(max_length=120)
    class_indices = models.JSONField()
    metrics = models.JSONField(default=dict)
    is_active = models.BooleanField(default=False)
    note = models.CharField(max_length=300, blank=True)  # why it was or was not activated
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="model_version_number_once_per_project"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_active=True), name="model_version_one_active_per_project"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.project_id}"
