"""Event: what happened in a project, in commit order. Feeds the audit and live updates."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from labeling.models.project import Project


class Event(models.Model):
    """Append-only; `seq` is dealt under the project's row, so numbers follow commits. Ids and statuses only."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="events")
    seq = models.BigIntegerField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="events")
    verb = models.CharField(max_length=40)
    subject_type = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    image = models.ForeignKey(
        "labeling.Image", null=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="events"
    )  # outlives the image it tells of
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["project", "seq"], name="event_seq_once_per_project")]
        indexes = [models.Index(fields=["image", "seq"], name="event_by_image")]

    def __str__(self) -> str:
        return f"{self.seq} {self.verb}"
