"""The training task on rows: from queued to a published version, and every way it can end otherwise."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from django.conf import settings

from labeling import storage
from labeling.errors import Cancelled, PermanentError
from labeling.ml import running, snapshot, weights
from labeling.models import Event, JobStatus, ModelVersion, ProposalRun, TrainingRun
from labeling.services import runs
from labeling.services.training import note_progress
from labeling.tasks.training import run_folder, train
from models_zoo import ConfigError, TrainingError
from models_zoo.engine import fit, load_predictor
from tests.conftest import Cast
from tests.factories import make_run
from tests.labeling.training_cast import make_pictures, start

# Heartbeats come from a thread with a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


def finished(run: TrainingRun) -> TrainingRun:
    train(run.pk)
    run.refresh_from_db()
    return run


def break_fit(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def refuse(**_: Any) -> None:
        raise error

    monkeypatch.setattr(running, "fit", refuse)


def test_a_run_becomes_a_version_that_predicts(cast: Cast) -> None:
    make_pictures(cast)
    run = finished(start(cast))
    version = ModelVersion.objects.get()
    assert (run.status, run.error, run.done, run.total) == ("succeeded", "", 3, 3)
    assert run.curve[-1]["step"] == 3
    assert run.metrics["loss"] > 0
    assert version.class_indices == [0, 1]
    assert version.metrics["validation"]["kind"] == "mark_accuracy"
    assert version.metrics["validation"]["n"] == 1
    assert load_predictor(weights.fetch(version), device="cpu").class_indices == (0, 1)
    assert [event.verb for event in Event.objects.all()] == [
        "run.queued",
        "run.running",
        "run.succeeded",
        "model.activated",
        "run.queued",
    ]
    assert not run_folder(run.pk).exists()


def test_the_next_version_is_compared_on_the_same_images(cast: Cast) -> None:
    make_pictures(cast)
    finished(start(cast))
    finished(start(cast, seed=1))
    reference = ModelVersion.objects.get(number=2).metrics["reference"]
    assert reference["number"] == 1
    assert reference["validation"]["n"] == 1


def test_a_second_delivery_does_nothing(cast: Cast) -> None:
    make_pictures(cast)
    run = finished(start(cast))
    before = Event.objects.count()
    train(run.pk)
    train(123_456)
    assert (ModelVersion.objects.count(), Event.objects.count()) == (1, before)


def test_a_cancelled_run_ends_and_leaves_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(cast)
    run = start(cast, config={"steps": 200, "image_size": 64, "batch_size": 2})
    when_noted(monkeypatch, lambda: runs.request_cancel(TrainingRun.objects.get(pk=run.pk), by=cast.ada))
    finished(run)
    assert (run.status, ModelVersion.objects.count()) == ("cancelled", 0)
    assert run.done < 200
    assert Event.objects.latest("seq").verb == "run.cancelled"
    assert not run_folder(run.pk).exists()


def when_noted(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something right after the first point of the curve is written."""
    from labeling.tasks import training

    note = note_progress
    acted: list[bool] = []

    def note_and_act(**values: Any) -> None:
        note(**values)
        if not acted:
            acted.append(True)
            act()

    monkeypatch.setattr(training, "note_progress", note_and_act)
    # Beat at every step: the throttle is about load, not about meaning.
    monkeypatch.setattr(running, "MIN_PAUSE_S", 0.0)
    monkeypatch.setattr(time, "monotonic", iter(range(0, 10**6, 2)).__next__)


def test_an_attempt_that_was_taken_for_dead_cannot_finish(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(cast)
    run = start(cast)
    when_noted(monkeypatch, lambda: lose(run))
    finished(run)
    assert (run.status, run.attempt, ModelVersion.objects.count()) == ("running", 2, 0)
    assert run_folder(run.pk).exists()


def lose(run: TrainingRun) -> None:
    TrainingRun.objects.filter(pk=run.pk).update(attempt=2)


def test_a_resumed_run_goes_on_from_its_checkpoint(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The zoo proves that the bits agree; here, that the row's second attempt finds the first one's folder."""
    make_pictures(cast)
    run = start(cast, config={"steps": 6, "image_size": 64, "batch_size": 2})
    first_steps: list[int] = []

    class Spy:
        def __init__(self, inner: Any, stop_at: int) -> None:
            self.inner, self.stop_at = inner, stop_at
            self.seen: list[int] = []

        def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
            self.seen.append(done)
            if done == self.stop_at:
                raise MemoryError
            self.inner.progress(done, total, metrics)

    def fit_with_spy(*, callbacks: Any, stop_at: int, **rest: Any) -> Any:
        spy = Spy(callbacks, stop_at)
        try:
            return fit(callbacks=spy, **(rest | {"checkpoint_every_s": 0.0}))
        finally:
            first_steps.append(next(step for step in spy.seen if step))

    monkeypatch.setattr(running, "fit", lambda **rest: fit_with_spy(stop_at=4, **rest))
    run.claim()
    with pytest.raises(Exception, match="ran out of memory"):
        running.train(order(run), run_folder(run.pk), Quiet())
    TrainingRun.objects.filter(pk=run.pk).update(status=JobStatus.QUEUED)
    monkeypatch.setattr(running, "fit", lambda **rest: fit_with_spy(stop_at=-1, **rest))
    finished(run)
    assert (run.status, run.attempt) == ("succeeded", 2)
    assert first_steps[0] <= 1
    assert first_steps[1] >= 3


class Quiet:
    def step(self, done: int, total: int, metrics: dict[str, float]) -> None:
        pass

    def check(self) -> None:
        pass


def order(run: TrainingRun) -> running.Order:
    return running.Order(method=run.method, config=run.config, snapshot=run.snapshot, seed=run.seed)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "smaller image size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 99"), "smaller image size"),
        (TrainingError("only 'sky' has been marked: mark another"), "Only 'sky' has been marked"),
        (ConfigError({"steps": "is gone"}), "Start a new run"),
    ],
)
def test_a_failure_says_what_to_do(cast: Cast, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    make_pictures(cast)
    break_fit(monkeypatch, error)
    run = finished(start(cast))
    assert (run.status, ModelVersion.objects.count()) == ("failed", 0)
    assert words in run.error
    assert Event.objects.latest("seq").data["message"] == run.error
    assert not run_folder(run.pk).exists()


def test_storage_trouble_is_tried_again_and_then_told(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(cast)
    break_fit(monkeypatch, OSError(errno.EIO, "no answer"))
    run = start(cast)
    assert [finished(run).status for _ in range(settings.JOB_MAX_ATTEMPTS)] == ["queued", "queued", "failed"]
    assert run.error.startswith("Gave up after 3 attempts: files could not be read")


def test_an_unforeseen_error_fails_the_run_and_reaches_the_log(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(cast)
    break_fit(monkeypatch, ZeroDivisionError("oops"))
    run = start(cast)
    with pytest.raises(ZeroDivisionError):
        train(run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "ZeroDivisionError" in run.error


def test_a_lost_image_is_storage_trouble(cast: Cast) -> None:
    image = make_pictures(cast)[0]
    run = start(cast)
    storage.delete(image.file)
    assert finished(run).status == "queued"


def test_a_snapshot_stops_when_asked(cast: Cast, tmp_path: Path) -> None:
    make_pictures(cast)

    def check() -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        snapshot.materialise(start(cast).snapshot, tmp_path / "s", check=check)


def test_a_tampered_snapshot_is_refused(cast: Cast, tmp_path: Path) -> None:
    make_pictures(cast)
    content = storage.read(start(cast).snapshot).replace(b'"sign":1', b'"sign":-1', 1)
    blob = storage.put("snapshots", content, suffix="json")
    with pytest.raises(PermanentError, match="does not fit its hash"):
        snapshot.materialise(blob.name, tmp_path / "s")


def test_a_snapshot_never_writes_outside_its_folder(cast: Cast, tmp_path: Path) -> None:
    make_pictures(cast)
    content = storage.read(start(cast).snapshot).replace(b'{"images/', b'{"../../images/', 1)
    blob = storage.put("snapshots", content, suffix="json")
    with pytest.raises(PermanentError, match="outside its folder"):
        snapshot.materialise(blob.name, tmp_path / "s")


def test_damaged_weights_are_noticed(cast: Cast, settings: Any) -> None:
    make_pictures(cast)
    finished(start(cast))
    version = ModelVersion.objects.get()
    (Path(settings.MEDIA_ROOT) / version.weights).write_bytes(b"other bytes")
    with pytest.raises(PermanentError, match="damaged"):
        weights.fetch(version)
    assert not list(weights.cache_folder().glob("*"))


def test_activation_waits_for_the_commit(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """If publishing fails at its last write nothing of it stays: no version, no event, no pool run."""
    make_pictures(cast)

    def refuse(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("labeling.services.model_versions.request_pool_proposals", refuse)
    run = start(cast)
    with pytest.raises(ZeroDivisionError):
        train(run.pk)
    run.refresh_from_db()
    assert (run.status, ModelVersion.objects.count(), ProposalRun.objects.count()) == ("failed", 0, 0)
    assert make_run(cast.project).number == 2
