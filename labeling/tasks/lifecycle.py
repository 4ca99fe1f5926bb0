"""What every job's task does around its work: claim, beat, report progress, end in exactly one state."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from labeling import jobs
from labeling.errors import Cancelled, DomainError, PermanentError, StaleState, TransientError
from labeling.live import publish
from labeling.models import Job
from labeling.services import runs

logger = logging.getLogger(__name__)


class Progress:
    """Handed to the work: `update` beats, tells open pages at most once a second and raises Cancelled."""

    def __init__(self, job: Any) -> None:
        self.job = job
        self._told_at = 0.0
        self._started = time.monotonic()

    def update(self, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Units are the job's own (steps, images, files). Cheap: writes at most once a second."""
        now = time.monotonic()
        if now - self._told_at < 1 and done < total:
            return
        self._told_at = now
        self.job.beat(done=done, total=total)
        publish.job_progress(self.job.project_id, self._message(done, total, metrics))

    def check(self) -> None:
        """Raise Cancelled if the job was asked to stop or is no longer ours."""
        self.job.beat()

    def _message(self, done: int, total: int, metrics: Mapping[str, float] | None) -> dict[str, object]:
        elapsed = time.monotonic() - self._started
        return {
            "kind": self.job.kind,
            "id": self.job.pk,
            "status": self.job.status,
            "done": done,
            "total": total,
            "metrics": dict(metrics or {}),
            "eta_s": round(elapsed / done * (total - done)) if done else None,
        }


def run(job: Any, work: Callable[[Progress], None]) -> bool:
    """Claim the job and do its work; False if somebody else has it. `work` calls `runs.succeed` itself.

    PermanentError and DomainError fail the job with their message; TransientError puts it back with a
    delay until the attempts are used up; any other exception fails it and is raised on for the log.
    """
    if not job.claim():
        return False
    runs.started(job)
    with Heart(job):
        try:
            work(Progress(job))
        except Cancelled:
            _end(job, lambda: runs.end_cancelled(job))
        except (PermanentError, DomainError) as error:
            _end(job, lambda error=error: runs.fail(job, message=str(error)))  # type: ignore[misc]
        except TransientError as error:
            _try_later(job, error)
        except Exception as error:
            text = f"Stopped by an unexpected {type(error).__name__}: {error}. The worker's log has the details."
            _end(job, lambda: runs.fail(job, message=text))
            raise
    return True


def _end(job: Job, move: Callable[[], None]) -> None:
    try:
        move()
    except StaleState:
        logger.info("%s %s moved on without this attempt", job.kind, job.pk)


def _try_later(job: Job, error: TransientError) -> None:
    if job.attempt >= settings.JOB_MAX_ATTEMPTS:
        _end(job, lambda: runs.fail(job, message=f"Gave up after {job.attempt} attempts: {error}"))
    elif job.release():
        jobs.announce(job.task_name, job.pk, delay_s=2.0**job.attempt)


class Heart:
    """A thread that keeps the heartbeat fresh while the work is busy inside one long step."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heart-{job.kind}-{job.pk}", daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=settings.JOB_BEAT_S + 25)

    def _beat(self) -> None:
        try:
            while not self._stop.wait(settings.JOB_BEAT_S):
                try:
                    self._job.beat()
                except Cancelled:
                    return  # the work sees it at its next update
                except DatabaseError as error:
                    logger.warning("heartbeat of %s %s failed: %s", self._job.kind, self._job.pk, error)
        finally:
            connection.close()
