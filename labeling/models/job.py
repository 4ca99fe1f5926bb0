"""Job: a unit of background work whose row is the truth."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling.errors import Cancelled, StaleState


class JobStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
FINISHED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


def job_constraints(name: str) -> list[models.BaseConstraint]:
    """The checks every job table has, under names of its own."""
    return [
        models.CheckConstraint(condition=Q(status__in=JobStatus.values), name=f"{name}_status_known"),
        models.CheckConstraint(
            condition=Q(status__in=[s.value for s in FINISHED], finished_at__isnull=False)
            | Q(status__in=[s.value for s in ACTIVE], finished_at=None),
            name=f"{name}_finished_at_iff_finished",
        ),
    ]


class Job(models.Model):
    """Abstract. Moves are conditional updates that name the attempt; losing the race raises, or returns False.

    queued -> running -> succeeded | failed | cancelled; queued -> cancelled; running -> queued (reaped).
    `claim` deals an attempt number: a worker that was taken for dead cannot finish a run that another one holds.
    """

    Status: ClassVar[type[JobStatus]] = JobStatus
    kind: ClassVar[str] = "job"  # word used in events and live messages
    task_name: ClassVar[str] = ""  # the Celery task that does the work

    status = models.CharField(max_length=9, choices=JobStatus, default=JobStatus.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    announced_at = models.DateTimeField(default=timezone.now)  # when a message last went out
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def claim(self) -> bool:
        """queued -> running. False if another worker has it or it was cancelled: then just return."""
        now = timezone.now()
        changed = (
            self._rows()
            .filter(status=JobStatus.QUEUED)
            .update(
                status=JobStatus.RUNNING,
                attempt=F("attempt") + 1,
                worker=f"{socket.gethostname()}:{os.getpid()}",
                heartbeat_at=now,
                started_at=now,
                error="",
            )
        )
        if changed:
            self.refresh_from_db()
        return bool(changed)

    def beat(self, *, done: int | None = None, total: int | None = None) -> None:
        """Refresh heartbeat and progress; raise Cancelled if that was asked or the attempt is no longer ours."""
        values: dict[str, Any] = {"heartbeat_at": timezone.now()}
        if done is not None:
            self.done = values["done"] = done
        if total is not None:
            self.total = values["total"] = total
        if not self._mine().update(**values):
            raise Cancelled(f"{self.kind} {self.pk} no longer belongs to attempt {self.attempt}")
        if self._rows().filter(cancel_requested=True).exists():
            raise Cancelled(f"{self.kind} {self.pk} was cancelled")

    def succeed(self, **values: Any) -> None:
        """running -> succeeded; call inside the transaction that stores the result."""
        self._finish(JobStatus.SUCCEEDED, values)

    def fail(self, *, message: str) -> None:
        """running -> failed, with a sentence the person who started it can act on."""
        self._finish(JobStatus.FAILED, {"error": message})

    def end_cancelled(self) -> None:
        """running -> cancelled, by the worker that noticed the request."""
        self._finish(JobStatus.CANCELLED, {})

    def requeue(self, *, dead_before: Any) -> bool:
        """running -> queued for a job whose heartbeat stopped; False if it moved meanwhile."""
        changed = (
            self._mine()
            .filter(heartbeat_at__lt=dead_before)
            .update(status=JobStatus.QUEUED, worker="", heartbeat_at=None, announced_at=timezone.now())
        )
        return bool(changed)

    def release(self) -> bool:
        """running -> queued by the worker that holds it, to try again later; False if it lost the job."""
        changed = self._mine().update(
            status=JobStatus.QUEUED, worker="", heartbeat_at=None, announced_at=timezone.now()
        )
        return bool(changed)

    def give_up(self, *, dead_before: Any, message: str) -> bool:
        """running -> failed for a job that died too often; False if it moved meanwhile."""
        return bool(
            self._mine()
            .filter(heartbeat_at__lt=dead_before)
            .update(status=JobStatus.FAILED, error=message, finished_at=timezone.now())
        )

    def request_cancel(self) -> JobStatus:
        """Cancel at once when queued, ask the worker when running; returns the status that holds now.

        Raises StaleState if the job is over.
        """
        if (
            self._rows()
            .filter(status=JobStatus.QUEUED)
            .update(status=JobStatus.CANCELLED, cancel_requested=True, finished_at=timezone.now())
        ):
            self.refresh_from_db()
            return JobStatus.CANCELLED
        if not self._rows().filter(status=JobStatus.RUNNING).update(cancel_requested=True):
            raise StaleState(
                _("This %(kind)s is already over; there is nothing to cancel.")
                % {"kind": _(self.kind.replace("_", " "))}
            )
        self.refresh_from_db()
        return JobStatus.RUNNING

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    def _rows(self) -> models.QuerySet[Self]:
        return type(self)._default_manager.filter(pk=self.pk)

    def _mine(self) -> models.QuerySet[Self]:
        return self._rows().filter(status=JobStatus.RUNNING, attempt=self.attempt)

    def _finish(self, status: JobStatus, values: Mapping[str, Any]) -> None:
        changes = {**values, "status": status, "finished_at": timezone.now()}
        if not self._mine().update(**changes):
            raise StaleState(f"{self.kind} {self.pk} no longer belongs to attempt {self.attempt}")
        for name, value in changes.items():
            setattr(self, name, value)
