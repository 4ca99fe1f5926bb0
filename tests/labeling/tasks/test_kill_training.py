"""kill -9 of a real worker in mid-training: the run is noticed, queued again and resumed from its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis

from labeling.models import JobStatus, ModelVersion, TrainingRun
from labeling.services import reaping
from labeling.tasks.training import run_folder
from tests.conftest import Cast
from tests.instance import wait_until
from tests.labeling.training_cast import make_pictures, start
from tests.labeling.worker_process import kill, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

QUICK_JOBS = {"JOB_BEAT_S": "0.2", "CHECKPOINT_EVERY_S": "0.5"}
STEPS = 120


def checkpoints(run: TrainingRun) -> list[int]:
    """Steps of the run's whole checkpoints, oldest first."""
    folders = (run_folder(run.pk) / "work").glob("checkpoint-????????")
    return sorted(int(folder.name.removeprefix("checkpoint-")) for folder in folders)


def reload(run: TrainingRun) -> TrainingRun:
    run.refresh_from_db()
    return run


def test_a_killed_training_resumes_from_its_checkpoint(cast: Cast, settings: Any, tmp_path: Path) -> None:
    redis.Redis.from_url(settings.REDIS_URL).flushall()  # messages of other tests would only waste time
    settings.JOB_DEAD_S = 1.5
    make_pictures(cast)
    run = start(cast, config={"steps": STEPS, "image_size": 64, "batch_size": 2})

    with worker("gpu", tmp_path / "first.log", **QUICK_JOBS) as first:
        wait_until(lambda: bool(checkpoints(run)) and len(reload(run).curve) >= 2, "a checkpoint and a curve")
        kill(first)
    reload(run)
    assert (run.status, run.attempt) == ("running", 1)
    saved, before = checkpoints(run)[-1], [point for point in run.curve if point["step"] <= checkpoints(run)[-1]]
    assert 0 < saved < STEPS

    with worker("gpu", tmp_path / "second.log", **QUICK_JOBS):
        wait_until(lambda: reaping.reap_dead() == 1, "the reaper to notice the silence")
        assert reload(run).status == JobStatus.QUEUED
        wait_until(lambda: not reload(run).is_active, "the second worker to finish")
        wait_until(lambda: ModelVersion.objects.get().proposal_runs.get().status == "succeeded", "the proposals")

    assert (run.status, run.error, run.attempt, run.done) == ("succeeded", "", 2, STEPS)
    steps = [point["step"] for point in run.curve]
    assert run.curve[: len(before)] == before  # a start from scratch would have replaced them
    assert saved + 1 in steps
    assert steps[-1] == STEPS
    assert ModelVersion.objects.get().run == run
    wait_until(lambda: not run_folder(run.pk).exists(), "the scratch folder to go")
