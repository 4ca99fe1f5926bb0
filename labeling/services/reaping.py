"""Notice workers that fell silent and messages that were lost: this, not the broker, makes jobs reliable."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from labeling import jobs
from labeling.errors import StaleState
from labeling.models import ExportJob, ImportJob, JobStatus, ProposalRun, TrainingRun
from labeling.services import runs

JOB_TABLES = (TrainingRun, ProposalRun, ImportJob, ExportJob)


def reap_dead() -> int:
    """Running jobs without a heartbeat for JOB_DEAD_S: queued again, or ended; returns how many were moved.

    A job that was asked to stop is cancelled; one that used up JOB_MAX_ATTEMPTS has failed. Whatever its old
    worker still does is refused, because the next claim deals a new attempt number.
    """
    dead_before = timezone.now() - timedelta(seconds=settings.JOB_DEAD_S)
    moved = 0
    for model in JOB_TABLES:
        for job in model.objects.filter(status=JobStatus.RUNNING, heartbeat_at__lt=dead_before):
            if job.cancel_requested:
                moved += _cancel(job)
            elif job.attempt >= settings.JOB_MAX_ATTEMPTS:
                moved += runs.give_up(job, dead_before=dead_before, message=_sentence(job.attempt))
            else:
                moved += runs.requeue(job, dead_before=dead_before)
    return moved


def announce_untaken() -> int:
    """Queued jobs that nobody took for JOB_UNTAKEN_S are announced again; returns how many.

    A second message for a job that waits behind a longer one does no harm: whoever comes second finds nothing
    to claim.
    """
    now = timezone.now()
    told_before = now - timedelta(seconds=settings.JOB_UNTAKEN_S)
    announced = 0
    for model in JOB_TABLES:
        for job in model.objects.filter(status=JobStatus.QUEUED, announced_at__lt=told_before):
            same = model.objects.filter(pk=job.pk, status=JobStatus.QUEUED, announced_at=job.announced_at)
            if same.update(announced_at=now):
                jobs.announce(job.task_name, job.pk)
                announced += 1
    return announced


def _cancel(job: runs.AnyJob) -> bool:
    try:
        runs.end_cancelled(job)
    except StaleState:
        return False
    return True


def _sentence(attempts: int) -> str:
    return (
        f"Its worker stopped without a word {attempts} times, most likely for want of memory. "
        "Make the job smaller or give the machine more memory, then start it again."
    )
