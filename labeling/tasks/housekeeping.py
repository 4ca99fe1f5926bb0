"""What keeps itself in order: dead jobs, lost messages, files and holds that nobody needs."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from labeling.models import Lease, ModelVersion, TrainingRun
from labeling.services import garbage, reaping
from labeling.tasks.training import runs_folder

ARRIVAL_S = 3600.0  # weights that are being fetched for longer than this never arrive


@shared_task(name="housekeeping.reap_jobs")
def reap_jobs() -> None:
    """Requeue running jobs without a heartbeat and announce queued jobs nobody took. Runs every REAP_EVERY_S."""
    reaping.reap_dead()
    reaping.announce_untaken()


@shared_task(name="housekeeping.collect_garbage")
def collect_garbage() -> None:
    """Remove unreferenced files, idle uploads, long expired leases, scratch of runs that are over."""
    grace = timedelta(hours=settings.GARBAGE_GRACE_H)
    garbage.collect_garbage(grace=grace)
    Lease.objects.filter(expires_at__lt=timezone.now() - grace).delete()
    _clear_runs()
    _clear_weights()


def _clear_runs() -> None:
    """Scratch folders of training runs that are over or gone: a worker died between the end and its clean-up."""
    active = set(TrainingRun.objects.filter(finished_at=None).values_list("pk", flat=True))
    for folder in runs_folder().glob("*"):
        if folder.name.isdigit() and int(folder.name) not in active:
            shutil.rmtree(folder, ignore_errors=True)


def _clear_weights() -> None:
    """Fetched weights of versions that are not in use; they are fetched again when somebody wants them."""
    active = ModelVersion.objects.filter(is_active=True).values_list("manifest", flat=True)
    keep = {Path(name).name.removesuffix(".json") for name in active}
    for folder in (Path(settings.SCRATCH_DIR) / "weights").glob("*"):
        is_arriving = folder.name.startswith(".part-") and time.time() - folder.stat().st_mtime < ARRIVAL_S
        if folder.name not in keep and not is_arriving:
            shutil.rmtree(folder, ignore_errors=True)
