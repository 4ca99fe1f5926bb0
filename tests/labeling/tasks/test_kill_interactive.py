"""kill -9 of a real interactive worker in mid-work: no mark and no decision is lost, the request is answered."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import redis

from labeling.models import Annotation, Proposal, ProposalRun
from labeling.services import decisions, reaping
from labeling.services.annotations import save_annotation
from tests.conftest import Cast
from tests.factories import make_image, make_mask
from tests.instance import wait_until
from tests.labeling.worker_process import kill, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def point(class_index: int, x: float, y: float) -> dict[str, Any]:
    geometry = {"x": x, "y": y}
    return {"id": str(uuid.uuid4()), "kind": "point", "class_index": class_index, "geometry": geometry}


def test_a_killed_request_is_noticed_and_answered_by_another_worker(cast: Cast, settings: Any, tmp_path: Path) -> None:
    redis.Redis.from_url(settings.REDIS_URL).flushall()  # messages of other tests would only waste time
    settings.JOB_DEAD_S = 1.5
    image, decided = make_image(cast.project), make_image(cast.project)
    mask = make_mask(decided, created_by=cast.ben)
    decisions.accept_mask(image=decided, mask_sha256=mask.sha256, by=cast.ben)
    marks = [point(1, 16.0, 14.0), point(0, 42.0, 34.0)]
    run = save_annotation(image=image, author=cast.ben, revision=0, marks=marks, propose="live_head").run
    assert run is not None

    def status() -> str:
        return ProposalRun.objects.get(pk=run.pk).status

    # A cold worker loads torch inside its first request: seconds in which it can be killed.
    with worker("interactive", tmp_path / "first.log", JOB_BEAT_S="0.2") as first:
        wait_until(lambda: status() == "running", "the request to be taken")
        kill(first)
    assert status() == "running" and not Proposal.objects.exists()
    assert Annotation.objects.get().marks.count() == 2
    decided.refresh_from_db()
    assert decided.accepted_mask == mask

    with worker("interactive", tmp_path / "second.log", JOB_BEAT_S="0.2"):
        wait_until(lambda: reaping.reap_dead() == 1, "the reaper to notice the silence")
        wait_until(lambda: status() == "succeeded", "the second worker to answer")
    proposal = Proposal.objects.get()
    assert (proposal.status, proposal.source_revision) == ("pending", 1)
    assert ProposalRun.objects.get().attempt == 2
