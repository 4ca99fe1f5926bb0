"""The database refuses what the domain forbids."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.errors import Cancelled, StaleState
from labeling.models import Job, JobStatus, Mask, Proposal
from tests.conftest import Cast
from tests.factories import (
    make_annotation,
    make_class,
    make_image,
    make_interactive_proposal,
    make_mark,
    make_mask,
    make_model_proposal,
    make_run,
    make_version,
)


def test_a_second_active_run_of_a_project_is_refused(cast: Cast) -> None:
    make_run(cast.project)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_run(cast.project)


def test_a_second_background_class_is_refused(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_class(cast.project, index=7, is_background=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"mask_scale": 2, "full_width": 96, "full_height": 80},  # 48 x 40 cells, but no tiles
        {"mask_scale": 2, "full_width": 97, "full_height": 80, "tiles": "t"},
        {"mask_scale": 2, "full_width": 94, "full_height": 80, "tiles": "t"},
        {"mask_scale": 2, "full_width": 96, "full_height": 78, "tiles": "t"},
        {"mask_scale": 2, "full_width": 96, "full_height": 81, "tiles": "t"},
        {"mask_scale": 2, "tiles": "t"},
        {"mask_scale": 1, "full_width": 48, "full_height": 40},
        {"mask_scale": 0},
    ],
)
def test_a_size_that_the_mask_scale_does_not_lead_to_is_refused(cast: Cast, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_image(cast.project, **fields)
    make_image(cast.project, mask_scale=2, full_width=95, full_height=79, tiles="t")


def test_an_unknown_mark_kind_is_refused(cast: Cast) -> None:
    annotation = make_annotation(make_image(cast.project), cast.ben)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_mark(annotation, cast.project.classes.get(index=1), kind="polygon")


def test_two_active_versions_are_refused(cast: Cast) -> None:
    make_version(cast.project, is_active=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_version(cast.project, is_active=True)


def test_one_pending_model_proposal_per_image(cast: Cast) -> None:
    image, version = make_image(cast.project), make_version(cast.project)
    make_model_proposal(image, version)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_model_proposal(image, version)


def test_a_proposal_comes_from_exactly_one_source(cast: Cast) -> None:
    annotation = make_annotation(make_image(cast.project), cast.ben)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_interactive_proposal(annotation, model_version=make_version(cast.project))


def test_decided_fields_are_set_only_when_decided(cast: Cast) -> None:
    proposal = make_model_proposal(make_image(cast.project), make_version(cast.project))
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(status="accepted")


def test_accepted_at_goes_with_the_mask(cast: Cast) -> None:
    image = make_image(cast.project)
    image.accepted_mask = make_mask(image)
    with pytest.raises(IntegrityError), transaction.atomic():
        image.save()


def test_a_mask_never_changes(cast: Cast) -> None:
    mask = make_mask(make_image(cast.project))
    mask.origin = Mask.Origin.MODEL
    with pytest.raises(TypeError, match="never changes"):
        mask.save()


def test_a_job_is_claimed_once(cast: Cast) -> None:
    run = make_run(cast.project)
    twin = type(run).objects.get(pk=run.pk)
    assert run.claim()
    assert not twin.claim()
    assert run.attempt == 1


def test_a_worker_taken_for_dead_cannot_finish(cast: Cast) -> None:
    lost = make_run(cast.project)
    lost.claim()
    assert lost.requeue(dead_before=timezone.now() + timedelta(seconds=1))
    again: Job = type(lost).objects.get(pk=lost.pk)
    assert again.claim()
    with pytest.raises(StaleState):
        lost.succeed()
    with pytest.raises(Cancelled):
        lost.beat(done=1)
    again.refresh_from_db()
    assert again.status == JobStatus.RUNNING and again.attempt == 2


def test_cancel_stops_a_queued_job_at_once_and_asks_a_running_one(cast: Cast) -> None:
    queued = make_run(cast.project)
    assert queued.request_cancel() == JobStatus.CANCELLED
    with pytest.raises(StaleState):
        queued.request_cancel()
    running = make_run(cast.project)
    running.claim()
    assert running.request_cancel() == JobStatus.RUNNING
    with pytest.raises(Cancelled):
        running.beat(done=3)
    running.end_cancelled()
    assert running.status == JobStatus.CANCELLED
