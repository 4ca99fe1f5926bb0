"""Dead workers and lost messages: every job reaches one terminal state, whoever dies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from labeling import jobs
from labeling.errors import Cancelled, StaleState
from labeling.models import Event, ExportJob, ImportJob, Lease, ProposalRun, TrainingRun
from labeling.services import reaping, runs
from labeling.tasks import housekeeping
from labeling.tasks.training import run_folder
from tests.conftest import Cast
from tests.factories import make_image, make_run, make_version

LONG_AGO = timedelta(hours=30)


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Messages that would have gone to Celery."""
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(jobs, "_send", lambda name, args, delay_s=0: sent.append((name, *args)))
    return sent


def dead(job: Any, *, attempts: int = 1) -> Any:
    """A running job whose last heartbeat is long ago."""
    for _ in range(attempts):
        assert job.claim()
        job.requeue(dead_before=timezone.now() + LONG_AGO)
    type(job).objects.filter(pk=job.pk).update(status="running", heartbeat_at=timezone.now() - LONG_AGO)
    job.refresh_from_db()
    return job


def one_of_each(cast: Cast) -> list[Any]:
    version = make_version(cast.project)
    return [
        make_run(cast.project),
        ProposalRun.objects.create(project=cast.project, scope="pool", model_version=version),
        ImportJob.objects.create(project=cast.project),
        ExportJob.objects.create(project=cast.project, format="coco", snapshot="s", snapshot_hash="0" * 64),
    ]


def test_a_silent_job_of_any_kind_is_queued_again(
    cast: Cast, announced: list[tuple[Any, ...]], django_capture_on_commit_callbacks: Any
) -> None:
    found = [dead(job) for job in one_of_each(cast)]
    with django_capture_on_commit_callbacks(execute=True):
        housekeeping.reap_jobs()
    for job in found:
        job.refresh_from_db()
    assert [(job.status, job.attempt) for job in found] == [("queued", 1)] * 4
    assert announced == [(job.task_name, job.pk) for job in found]
    assert Event.objects.filter(verb="run.queued").count() == 4


def test_a_job_that_beats_is_left_alone(cast: Cast) -> None:
    run = make_run(cast.project)
    run.claim()
    assert reaping.reap_dead() == 0


def test_used_up_attempts_fail_with_a_sentence(cast: Cast) -> None:
    run = dead(make_run(cast.project), attempts=settings.JOB_MAX_ATTEMPTS)
    assert reaping.reap_dead() == 1
    run.refresh_from_db()
    assert (run.status, run.finished_at is None) == ("failed", False)
    assert "3 times" in run.error
    assert Event.objects.get().data["message"] == run.error


def test_a_silent_job_that_was_to_stop_is_cancelled(cast: Cast) -> None:
    run = dead(make_run(cast.project))
    TrainingRun.objects.update(cancel_requested=True)
    reaping.reap_dead()
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_the_old_worker_can_neither_beat_nor_finish(cast: Cast) -> None:
    old = dead(make_run(cast.project))
    reaping.reap_dead()
    new = TrainingRun.objects.get()
    assert new.claim()
    with pytest.raises(Cancelled):
        old.beat(done=1)
    with pytest.raises(StaleState):
        runs.fail(old, message="late")
    new.refresh_from_db()
    assert (new.status, new.attempt, new.error) == ("running", 2, "")


def test_reaping_twice_moves_once(cast: Cast) -> None:
    dead(make_run(cast.project))
    assert [reaping.reap_dead(), reaping.reap_dead()] == [1, 0]


def test_a_queued_job_nobody_took_is_announced_again(cast: Cast, announced: list[tuple[Any, ...]]) -> None:
    fresh, lost = one_of_each(cast)[2:]
    ExportJob.objects.filter(pk=lost.pk).update(announced_at=timezone.now() - LONG_AGO)
    assert reaping.announce_untaken() == 1
    assert reaping.announce_untaken() == 0
    assert announced == [("transfer.export", lost.pk)]
    fresh.refresh_from_db()
    assert fresh.status == "queued"


def test_scratch_of_runs_that_are_over_goes(cast: Cast) -> None:
    over = make_run(cast.project, status="failed", finished_at=timezone.now())
    active = make_run(cast.project)
    for pk in (over.pk, active.pk, 999):
        run_folder(pk).mkdir(parents=True)
    (settings.SCRATCH_DIR / "weights" / "old").mkdir(parents=True)
    housekeeping.collect_garbage()
    assert [run_folder(pk).exists() for pk in (over.pk, active.pk, 999)] == [False, True, False]
    assert not list((settings.SCRATCH_DIR / "weights").iterdir())


def test_weights_in_use_and_on_their_way_stay(cast: Cast) -> None:
    make_version(cast.project, is_active=True, manifest="manifests/ab/abcd.json")
    for name in ("abcd", ".part-x"):
        (settings.SCRATCH_DIR / "weights" / name).mkdir(parents=True)
    housekeeping.collect_garbage()
    assert {folder.name for folder in (settings.SCRATCH_DIR / "weights").iterdir()} == {"abcd", ".part-x"}


def test_long_expired_leases_go(cast: Cast) -> None:
    images = [make_image(cast.project) for _ in range(2)]
    for image, age in zip(images, (LONG_AGO, timedelta(0)), strict=True):
        Lease.objects.create(image=image, user=cast.ben, expires_at=timezone.now() - age)
    housekeeping.collect_garbage()
    assert [lease.image for lease in Lease.objects.all()] == [images[1]]
