"""Publishing in one transaction, the rule of activation, and activation by hand."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.errors import Cancelled, Conflict, StaleState
from labeling.models import Event, JobStatus, ModelVersion, Project, Proposal, ProposalRun, TrainingRun
from labeling.services.model_versions import (
    Product,
    activate_version,
    judge,
    publish_version,
    request_pool_proposals,
    withdraw_version,
)
from labeling.services.offers import offer_proposals
from tests.conftest import Cast
from tests.factories import make_image, make_model_proposal, make_run, make_version


def product(value: float | None = 0.5, kind: str = "miou", **metrics: Any) -> Product:
    found = {"validation": {"value": value, "kind": kind, "n": 9, "per_class": {}}, **metrics}
    return Product(weights="w", manifest="m", class_indices=[0, 1], metrics=found)


def running(cast: Cast) -> TrainingRun:
    run = make_run(cast.project)
    assert run.claim()
    return run


def publish(cast: Cast, *args: Any, **metrics: Any) -> ModelVersion:
    return publish_version(run=running(cast), product=product(*args, **metrics))


def test_the_first_version_activates_in_any_case_and_asks_for_proposals(cast: Cast) -> None:
    version = publish(cast, None)
    run = ProposalRun.objects.get()
    assert (version.number, version.is_active, version.run.status) == (1, True, "succeeded")
    assert (run.scope, run.model_version, run.status) == ("pool", version, "queued")
    assert [event.verb for event in Event.objects.all()] == ["run.succeeded", "model.activated", "run.queued"]


def test_a_version_at_least_as_good_takes_over(cast: Cast) -> None:
    first, second = publish(cast, 0.5), publish(cast, 0.5)
    first.refresh_from_db()
    assert (first.is_active, second.is_active) == (False, True)
    assert second.note == "In use: mean IoU on accepted masks 0.500, version 1 has 0.500."
    assert [run.status for run in ProposalRun.objects.order_by("pk")] == ["cancelled", "queued"]


def test_a_worse_version_waits_for_a_person(cast: Cast) -> None:
    first, second = publish(cast, 0.5), publish(cast, 0.49)
    first.refresh_from_db()
    assert (first.is_active, second.is_active) == (True, False)
    assert second.note == "Not in use: mean IoU on accepted masks 0.490, version 1 has 0.500."
    assert ProposalRun.objects.count() == 1


def test_values_of_different_kinds_are_not_compared(cast: Cast) -> None:
    publish(cast, 0.5)
    assert not publish(cast, 0.99, "mark_accuracy").is_active


def test_the_active_version_measured_anew_is_what_counts(cast: Cast) -> None:
    publish(cast, 0.9, "mark_accuracy")
    reference = {"number": 1, "validation": {"value": 0.6, "kind": "miou"}}
    assert publish(cast, 0.7, reference=reference).is_active
    stale = {"number": 1, "validation": {"value": 0.1, "kind": "miou"}}
    assert not publish(cast, 0.65, reference=stale).is_active


@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_cannot_be_measured_does_not_take_over(cast: Cast, value: float | None) -> None:
    active = ModelVersion(number=3, metrics={"validation": {"value": 0.5, "kind": "miou"}})
    metrics = {"validation": {"value": value, "kind": "miou"}}
    verdict = judge(metrics, active, auto_activate=True, is_first=False)
    assert not verdict.activates
    assert "could not be measured against version 3" in verdict.note


def test_an_owner_may_keep_the_choice(cast: Cast) -> None:
    publish(cast)
    Project.objects.update(settings_json={"auto_activate": False})
    assert not publish(cast, 0.9).is_active


def test_after_a_withdrawal_nothing_activates_by_itself(cast: Cast) -> None:
    withdraw_version(version=publish(cast), by=cast.ada)
    second = publish(cast, 0.9)
    assert not second.is_active
    assert "withdrawn" in second.note


def test_a_late_finisher_publishes_nothing(cast: Cast) -> None:
    run = running(cast)
    TrainingRun.objects.filter(pk=run.pk).update(attempt=2)
    with pytest.raises(StaleState):
        publish_version(run=run, product=product())
    assert not ModelVersion.objects.exists()
    assert not Event.objects.exists()


def test_activating_by_hand_swaps_and_proposes(cast: Cast) -> None:
    first, second = publish(cast, 0.5), publish(cast, 0.4)
    activate_version(version=second, by=cast.ada)
    activate_version(version=second, by=cast.ada)
    first.refresh_from_db()
    assert (first.is_active, second.is_active) == (False, True)
    assert second.note == "In use since ada activated it."
    assert ProposalRun.objects.filter(model_version=second).count() == 1
    event = Event.objects.filter(verb="model.activated").latest("seq")
    assert (event.actor, event.data) == (cast.ada, {"model_version": second.pk, "number": 2})


def test_withdrawing_puts_its_proposals_aside(cast: Cast) -> None:
    version = publish(cast)
    proposal = make_model_proposal(make_image(cast.project), version)
    withdraw_version(version=version, by=cast.ada)
    proposal.refresh_from_db()
    assert (version.is_active, proposal.status) == (False, Proposal.Status.SUPERSEDED)
    assert ProposalRun.objects.get().status == JobStatus.CANCELLED
    with pytest.raises(StaleState):
        withdraw_version(version=version, by=cast.ada)


def test_only_the_version_in_use_proposes_and_once_at_a_time(cast: Cast) -> None:
    version = publish(cast)
    with pytest.raises(Conflict) as twice:
        request_pool_proposals(version=version, by=cast.ada)
    with pytest.raises(Conflict) as inactive:
        request_pool_proposals(version=make_version(cast.project), by=cast.ada)
    assert (twice.value.code, inactive.value.code) == ("run_active", "not_active")
    assert ProposalRun.objects.count() == 1


def test_a_version_that_went_out_of_use_offers_nothing_more(cast: Cast) -> None:
    """Its worker may be in the middle of a batch: those proposals would put aside the ones people see."""
    run = ProposalRun.objects.create(project=cast.project, scope="pool", model_version=make_version(cast.project))
    with pytest.raises(Cancelled):
        offer_proposals(run=run, offers=[])
