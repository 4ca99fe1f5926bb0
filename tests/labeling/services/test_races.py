"""Races that only a real database with several connections shows. They run on SQLite too, where writers queue up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from labeling.errors import Cancelled, Conflict, StaleState
from labeling.models import Event, JobStatus, Membership, Role, TrainingRun
from labeling.selectors.events import events_after
from labeling.services import events, projects
from tests.conftest import Cast
from tests.factories import make_member, make_run

pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(*functions: Callable[[], None]) -> list[BaseException]:
    """Run all at once, each with a connection of its own; what they raised."""
    errors: list[BaseException] = []

    def call(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return errors


def test_event_numbers_follow_commits_not_inserts(cast: Cast) -> None:
    """The first to insert commits last: a reader that saw number 2 must never later meet a number 1.

    With an autoincrement id the slow transaction would hold the lower number and show up behind
    a reader's back. Here the second writer waits for the project's row instead.
    """
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time, so the interleaving cannot be made")
    inserted, may_commit = threading.Event(), threading.Event()
    seen_meanwhile: list[int] = []

    def slow() -> None:
        with transaction.atomic():
            events.record(project=cast.project, verb="slow", subject=cast.project)
            inserted.set()
            assert may_commit.wait(30)

    def quick() -> None:
        assert inserted.wait(30)
        with transaction.atomic():
            events.record(project=cast.project, verb="quick", subject=cast.project)

    def reader() -> None:
        assert inserted.wait(30)
        seen_meanwhile.extend(row["seq"] for row in events_after(project_id=cast.project.pk, seq=0, limit=10))
        may_commit.set()

    assert in_threads(slow, quick, reader) == []
    assert seen_meanwhile == []
    rows = events_after(project_id=cast.project.pk, seq=0, limit=10)
    assert [(row["seq"], row["verb"]) for row in rows] == [(1, "slow"), (2, "quick")]


def test_many_writers_leave_no_gap_and_no_double(cast: Cast) -> None:
    def write() -> None:
        for _ in range(5):
            with transaction.atomic():
                events.record(project=cast.project, verb="x", subject=cast.project)

    assert in_threads(*[write] * 6) == []
    assert list(Event.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 31))


def test_a_rolled_back_change_leaves_no_event_and_no_gap(cast: Cast) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        events.record(project=cast.project, verb="never", subject=cast.project)
        raise ZeroDivisionError
    with transaction.atomic():
        events.record(project=cast.project, verb="kept", subject=cast.project)
    assert list(Event.objects.values_list("seq", "verb")) == [(1, "kept")]


def test_of_many_claims_one_wins(cast: Cast) -> None:
    run = make_run(cast.project)
    won: list[int] = []

    def claim() -> None:
        twin = TrainingRun.objects.get(pk=run.pk)
        if twin.claim():
            won.append(twin.attempt)

    assert in_threads(*[claim] * 8) == []
    assert won == [1]


def test_a_reaped_worker_that_wakes_up_late_changes_nothing(cast: Cast) -> None:
    """The reaper requeues, a second worker claims, and only then the first one tries to finish."""
    first = make_run(cast.project)
    first.claim()
    reaper = TrainingRun.objects.get(pk=first.pk)
    assert reaper.requeue(dead_before=timezone.now() + timedelta(seconds=1))
    second = TrainingRun.objects.get(pk=first.pk)
    assert second.claim()

    def finish_late() -> None:
        with pytest.raises(StaleState):
            first.succeed(metrics={"from": "the dead"})
        with pytest.raises(Cancelled):
            first.beat(done=99)

    def work_on() -> None:
        second.beat(done=5)

    assert in_threads(finish_late, work_on) == []
    second.refresh_from_db()
    assert (second.status, second.attempt, second.done, second.metrics) == (JobStatus.RUNNING, 2, 5, {})


def test_a_beating_job_is_not_reaped(cast: Cast) -> None:
    run = make_run(cast.project)
    run.claim()
    stale_view = TrainingRun.objects.get(pk=run.pk)
    before_the_beat = timezone.now()
    run.beat(done=1)
    assert not stale_view.requeue(dead_before=before_the_beat)
    run.refresh_from_db()
    assert run.status == JobStatus.RUNNING


def test_two_owners_cannot_both_leave(cast: Cast) -> None:
    second = make_member(cast.project, cast.dan, Role.OWNER)
    first = Membership.objects.get(user=cast.ada)

    def leave(membership: Membership) -> Callable[[], None]:
        def remove() -> None:
            row = Membership.objects.select_related("project").get(pk=membership.pk)
            projects.remove_member(membership=row, by=cast.root)

        return remove

    errors = in_threads(leave(first), leave(second))
    assert len(errors) == 1 and isinstance(errors[0], Conflict)
    assert cast.project.memberships.filter(role=Role.OWNER).count() == 1
