"""The life of background jobs as others see it: every move is an event, every queued row wakes a worker."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from labeling import jobs
from labeling.models import Image, Job, JobStatus, Project, ProposalRun
from labeling.services import events

AnyJob = Any  # TrainingRun | ProposalRun | ImportJob | ExportJob: every concrete Job has a project


def queue(job: AnyJob) -> None:
    """Tell that a freshly inserted job waits, and wake a worker after the commit. Call inside its transaction."""
    _tell(job, "queued", actor=job.created_by)
    jobs.enqueue(job.task_name, job.pk)


def started(job: AnyJob) -> None:
    """Tell that a worker took the job."""
    with transaction.atomic():
        _tell(job, "running")


def succeed(job: AnyJob, **values: Any) -> None:
    """running -> succeeded with result fields; call inside the transaction that stores the result."""
    job.succeed(**values)
    _tell(job, "succeeded")


@transaction.atomic
def fail(job: AnyJob, *, message: str) -> None:
    """running -> failed, with a sentence that says what to do."""
    job.fail(message=message)
    _tell(job, "failed", message=message)


@transaction.atomic
def end_cancelled(job: AnyJob) -> None:
    """running -> cancelled, by the worker that saw the request."""
    job.end_cancelled()
    _tell(job, "cancelled")


@transaction.atomic
def request_cancel(job: AnyJob, *, by: User | None) -> None:
    """Cancel a queued job at once, ask a running one to stop. Raises StaleState when it is over."""
    if job.request_cancel() == JobStatus.CANCELLED:
        _tell(job, "cancelled", actor=by)


@transaction.atomic
def requeue(job: AnyJob, *, dead_before: datetime) -> bool:
    """running -> queued for a job whose worker fell silent, and wake another one; False if it moved meanwhile."""
    if not job.requeue(dead_before=dead_before):
        return False
    _tell(job, "queued")
    jobs.enqueue(job.task_name, job.pk)
    return True


@transaction.atomic
def give_up(job: AnyJob, *, dead_before: datetime, message: str) -> bool:
    """running -> failed for a job whose workers fell silent too often; False if it moved meanwhile."""
    if not job.give_up(dead_before=dead_before, message=message):
        return False
    _tell(job, "failed", message=message)
    return True


def _tell(job: Job, status: str, *, actor: User | None = None, message: str = "") -> None:
    """Events for all jobs but per-stroke proposals, of which only failures are worth a line."""
    per_stroke = isinstance(job, ProposalRun) and job.scope == ProposalRun.Scope.IMAGE
    if per_stroke and status != "failed":
        return
    project: Project = job.project  # type: ignore[attr-defined]
    image: Image | None = getattr(job, "image", None)
    data: dict[str, object] = {"kind": job.kind, "id": job.pk, "status": status}
    if message:
        data["message"] = message
    events.record(project=project, verb=f"run.{status}", subject=job, actor=actor, image=image, data=data)
