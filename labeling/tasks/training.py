"""Training tasks: fetch, claim, call, record."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings

from labeling.errors import PermanentError
from labeling.models import TrainingRun
from labeling.selectors.interactive import assisting_methods
from labeling.selectors.runs import active_version
from labeling.services.model_versions import Product, publish_version
from labeling.services.training import note_progress
from labeling.tasks import lifecycle

logger = logging.getLogger(__name__)


@shared_task(name="training.train")
def train(run_id: int) -> None:
    """Train the run's method on its snapshot and publish a model version.

    Returns at once unless the row can be claimed. A killed attempt leaves its checkpoints behind; the next one
    goes on from them. Once the run is over its scratch folder goes.
    """
    run = TrainingRun.objects.select_related("project", "created_by").filter(pk=run_id).first()
    if run is None:
        return
    try:
        lifecycle.run(run, lambda progress: _train(run, progress))
    finally:
        if not TrainingRun.objects.filter(pk=run_id, finished_at=None).exists():
            shutil.rmtree(run_folder(run_id), ignore_errors=True)


def runs_folder() -> Path:
    """Scratch folders of training runs, one each, named by the run's id."""
    return Path(settings.SCRATCH_DIR) / "runs"


def run_folder(run_id: int) -> Path:
    return runs_folder() / str(run_id)


def _train(run: TrainingRun, progress: lifecycle.Progress) -> None:
    from labeling.ml import running, weights  # torch: in workers only

    order = running.Order(
        method=run.method,
        config=run.config,
        snapshot=run.snapshot,
        seed=run.seed,
        active=active_version(run.project),
    )
    watch = _Watch(run, progress)
    trained = running.train(order, run_folder(run.pk), watch)
    trained.metrics.update(_reference(run, trained.snapshot_dir, watch))
    with running.as_job_errors():
        weights_blob, manifest_blob = weights.store(trained.weights_dir)
        indices = weights.class_indices(trained.weights_dir)
    progress.check()
    product = Product(weights=weights_blob, manifest=manifest_blob, class_indices=indices, metrics=trained.metrics)
    publish_version(run=run, product=product)


def _reference(run: TrainingRun, snapshot_dir: Path, watch: _Watch) -> dict[str, Any]:
    """The active version's validation on this run's val images; empty when there is none to measure."""
    from labeling.ml import running  # torch: in workers only

    active = active_version(run.project)
    if active is None or run.method in assisting_methods():
        return {}
    try:
        validation = running.measure(active, snapshot_dir, watch)
    except PermanentError as error:
        logger.warning("version %s could not be measured again: %s", active.number, error)
        return {}
    return {"reference": {"number": active.number, "validation": validation}}


class _Watch:
    """Writes curve and heartbeat at most once a second."""

    def __init__(self, run: TrainingRun, progress: lifecycle.Progress) -> None:
        self._run = run
        self._progress = progress
        self._noted_at = 0.0

    def step(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if not metrics:  # still reading the data: nothing to draw, but the row may ask to stop
            self._progress.check()
            return
        now = time.monotonic()
        if now - self._noted_at >= 1 or done == total:
            self._noted_at = now
            note_progress(run=self._run, step=done, metrics=metrics)
        self._progress.update(done, total, metrics)

    def check(self) -> None:
        self._progress.check()
