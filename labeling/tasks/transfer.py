"""Tasks that bring images in and data sets out: fetch, claim, call, record."""

from __future__ import annotations

from celery import shared_task

from labeling.models import ExportJob, ImportJob
from labeling.services import exporting, imports
from labeling.tasks import lifecycle


@shared_task(name="transfer.import_images")
def import_images(job_id: int) -> None:
    """Import the files of the job's uploads. Safe to repeat: files that have their line are skipped."""
    job = ImportJob.objects.select_related("project", "created_by").filter(pk=job_id).first()
    if job is not None:
        lifecycle.run(job, lambda progress: imports.import_uploads(job=job, report=progress.update))


@shared_task(name="transfer.export")
def export(job_id: int) -> None:
    """Write the job's frozen data set to an archive. Safe to repeat: the same snapshot gives the same bytes."""
    job = ExportJob.objects.select_related("project", "created_by").filter(pk=job_id).first()
    if job is not None:
        lifecycle.run(job, lambda progress: exporting.write_export(job=job, report=progress.update))
