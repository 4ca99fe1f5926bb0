"""Two people in the same moment, in real threads with real transactions: one wins, nothing is half done."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from labeling.errors import Conflict, DomainError
from labeling.models import Annotation, Event, Image, Lease, Mark, Proposal
from labeling.services import decisions
from labeling.services.annotations import save_annotation
from labeling.services.leases import take_lease
from labeling.services.queue import lease_next
from tests.conftest import Cast
from tests.factories import make_annotation, make_image, make_interactive_proposal, make_mask

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Run each deed in a thread of its own, starting together; the results, or the refusals."""
    barrier = threading.Barrier(len(deeds))
    results: list[Any] = [None] * len(deeds)

    def run(position: int) -> None:
        try:
            barrier.wait(timeout=20)
            results[position] = deeds[position]()
        except DomainError as error:
            results[position] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(position,)) for position in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def refused(results: list[Any]) -> list[DomainError]:
    return [result for result in results if isinstance(result, DomainError)]


def seqs_are_whole() -> bool:
    seqs = list(Event.objects.order_by("seq").values_list("seq", flat=True))
    return seqs == list(range(1, len(seqs) + 1))


def test_of_two_acceptances_one_stands(cast: Cast) -> None:
    image = make_image(cast.project)
    proposal = make_interactive_proposal(make_annotation(image, cast.ben, marks=1))
    rival = make_mask(image, value=0, created_by=cast.cleo)

    def with_proposal() -> Any:
        row = Proposal.objects.select_related("image__project", "mask").get(pk=proposal.pk)
        return decisions.accept_proposal(proposal=row, mask_sha256=row.mask.sha256, by=cast.ben)

    def with_mask() -> Any:
        row = Image.objects.select_related("project").get(pk=image.pk)
        return decisions.accept_mask(image=row, mask_sha256=rival.sha256, by=cast.cleo)

    results = at_once(with_proposal, with_mask, with_proposal)
    assert len(refused(results)) == 2 and all(error.code == "stale_state" for error in refused(results))
    image.refresh_from_db()
    (winner,) = [result for result in results if not isinstance(result, DomainError)]
    assert image.accepted_mask == winner
    assert Event.objects.filter(verb="mask.accepted").count() == 1 and seqs_are_whole()


def test_of_two_leases_one_is_granted(cast: Cast) -> None:
    image = make_image(cast.project)
    results = at_once(
        *(lambda user=user: take_lease(image=image, user=user) for user in (cast.ben, cast.cleo, cast.ada))
    )
    assert len(refused(results)) == 2 and all(isinstance(error, Conflict) for error in refused(results))
    assert Lease.objects.count() == 1 and seqs_are_whole()


def test_people_who_ask_at_once_get_different_images(cast: Cast) -> None:
    for _ in range(4):
        make_image(cast.project)
    people = (cast.ben, cast.cleo, cast.ada, cast.root)
    handed = at_once(*(lambda user=user: lease_next(project=cast.project, user=user) for user in people))
    assert len({one.image.pk for one in handed}) == 4 and Lease.objects.count() == 4


def test_of_two_tabs_one_saves_and_the_other_learns_what_is_stored(cast: Cast) -> None:
    image = make_image(cast.project)

    def save() -> Any:
        mark = {"id": str(uuid.uuid4()), "kind": "point", "class_index": 1, "geometry": {"x": 3, "y": 4}}
        row = Image.objects.select_related("project").get(pk=image.pk)
        return save_annotation(image=row, author=cast.ben, revision=0, marks=[mark])

    results = at_once(save, save)
    (error,) = refused(results)
    stored: Any = error.detail["annotation"]
    assert stored["revision"] == 1
    assert [mark["id"] for mark in stored["marks"]] == [str(Mark.objects.get().uuid)]
    assert Annotation.objects.get().revision == 1 and seqs_are_whole()


def test_saving_accepting_and_rejecting_together_never_deadlock(cast: Cast) -> None:
    image = make_image(cast.project)
    annotation = make_annotation(image, cast.ben, marks=1)
    proposal = make_interactive_proposal(annotation)

    def fresh() -> Proposal:
        return Proposal.objects.select_related("image__project", "mask").get(pk=proposal.pk)

    results = at_once(
        lambda: save_annotation(image=fresh().image, author=cast.ben, revision=1, marks=[]),
        lambda: decisions.accept_proposal(proposal=fresh(), mask_sha256=proposal.mask.sha256, by=cast.ben),
        lambda: decisions.reject_proposal(proposal=fresh(), by=cast.cleo),
        lambda: take_lease(image=fresh().image, user=cast.ben),
    )
    assert all(result is not None for result in results)
    proposal.refresh_from_db()
    image.refresh_from_db()
    # "superseded": the save came first, and what was on the screen was accepted all the same.
    assert (proposal.status in {"accepted", "superseded"}) == (image.accepted_mask is not None)
    assert seqs_are_whole()
