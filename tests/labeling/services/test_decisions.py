"""Accept, reject, skip, reopen: what was seen is what is stored, and of two deciders one wins."""

from __future__ import annotations

import pytest
from django.utils import timezone

from labeling import storage
from labeling.errors import Conflict, Forbidden, StaleState
from labeling.models import Event, Image, Lease, Mask, Project, Proposal, ProposalRun
from labeling.services import decisions
from labeling.services.leases import take_lease
from labeling.services.proposals import request_proposal
from labeling.services.reviews import add_review
from tests.conftest import Cast
from tests.factories import (
    make_annotation,
    make_image,
    make_interactive_proposal,
    make_mask,
    make_model_proposal,
    make_version,
)


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project)


def verbs() -> list[str]:
    return list(Event.objects.order_by("seq").values_list("verb", flat=True))


def accepted(image: Image, cast: Cast) -> Mask:
    mask = make_mask(image, created_by=cast.ben)
    decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=cast.ben)
    return mask


def test_accepting_stores_what_was_seen_and_settles_all_that_waited(cast: Cast, image: Image) -> None:
    annotation = make_annotation(image, cast.ben, marks=1)
    proposal = make_interactive_proposal(annotation)
    other = make_model_proposal(image, make_version(cast.project, is_active=True))
    waiting = request_proposal(annotation=annotation, image=image, method="live_head", by=cast.ben)
    take_lease(image=image, user=cast.ben)
    Event.objects.all().delete()

    decisions.accept_proposal(proposal=proposal, mask_sha256=proposal.mask.sha256, by=cast.ben)

    image.refresh_from_db()
    proposal.refresh_from_db()
    other.refresh_from_db()
    waiting.refresh_from_db()
    annotation.refresh_from_db()
    assert image.accepted_mask == proposal.mask and image.accepted_at is not None
    assert (proposal.status, proposal.decided_by, other.status) == ("accepted", cast.ben, "superseded")
    assert (waiting.status, annotation.status) == ("cancelled", "submitted")
    assert not Lease.objects.exists()
    assert sorted(verbs()) == ["lease.changed", "mask.accepted", "proposal.decided", "proposal.superseded"]


def test_accepting_what_a_newer_proposal_has_just_replaced_still_accepts_what_was_seen(
    cast: Cast, image: Image
) -> None:
    """The newer one may arrive between the look and the key; the key means the mask that was looked at."""
    annotation = make_annotation(image, cast.ben, marks=1)
    seen = make_interactive_proposal(annotation, status="superseded")
    newer = make_interactive_proposal(annotation, mask=make_mask(image, value=0, origin="interactive"))
    decisions.accept_proposal(proposal=seen, mask_sha256=seen.mask.sha256, by=cast.ben)
    image.refresh_from_db()
    seen.refresh_from_db()
    newer.refresh_from_db()
    assert image.accepted_mask == seen.mask
    assert (seen.status, newer.status) == ("superseded", "superseded")
    with pytest.raises(StaleState):
        decisions.accept_proposal(proposal=newer, mask_sha256=newer.mask.sha256, by=cast.ben)


def test_an_edited_mask_may_answer_a_proposal(cast: Cast, image: Image) -> None:
    proposal = make_interactive_proposal(make_annotation(image, cast.ben))
    edited = make_mask(image, value=0, origin="edited", parent=proposal.mask, created_by=cast.ben)
    decisions.accept_proposal(proposal=proposal, mask_sha256=edited.sha256, by=cast.ben)
    image.refresh_from_db()
    assert image.accepted_mask == edited


def test_a_mask_the_server_does_not_hold_is_refused_and_nothing_changes(cast: Cast, image: Image) -> None:
    proposal = make_interactive_proposal(make_annotation(image, cast.ben))
    elsewhere = make_mask(make_image(cast.project, width=20, height=20))
    for sha256 in ("0" * 64, elsewhere.sha256):
        with pytest.raises(Conflict) as caught:
            decisions.accept_proposal(proposal=proposal, mask_sha256=sha256, by=cast.ben)
        assert caught.value.code == "mask_unknown"
    image.refresh_from_db()
    assert image.accepted_mask is None and not Event.objects.exists()


def test_of_two_who_accept_one_wins(cast: Cast, image: Image) -> None:
    proposal = make_interactive_proposal(make_annotation(image, cast.ben))
    rival = make_mask(image, value=0, created_by=cast.cleo)
    stale = Proposal.objects.select_related("image__project", "mask").get(pk=proposal.pk)
    decisions.accept_mask(image=image, mask_sha256=rival.sha256, by=cast.cleo)
    with pytest.raises(StaleState):
        decisions.accept_proposal(proposal=stale, mask_sha256=stale.mask.sha256, by=cast.ben)
    image.refresh_from_db()
    assert image.accepted_mask == rival
    proposal.refresh_from_db()
    assert proposal.status == "superseded"


def test_a_decided_proposal_is_not_decided_again(cast: Cast, image: Image) -> None:
    proposal = make_interactive_proposal(make_annotation(image, cast.ben))
    decisions.reject_proposal(proposal=proposal, by=cast.ben, reason="leaks")
    for decide in (
        lambda: decisions.reject_proposal(proposal=proposal, by=cast.cleo),
        lambda: decisions.accept_proposal(proposal=proposal, mask_sha256=proposal.mask.sha256, by=cast.cleo),
    ):
        with pytest.raises(StaleState):
            decide()
    proposal.refresh_from_db()
    image.refresh_from_db()
    assert (proposal.status, proposal.decided_by, proposal.reject_reason) == ("rejected", cast.ben, "leaks")
    assert image.accepted_mask is None


def test_an_accepted_image_is_reopened_with_its_mask_to_start_from(cast: Cast, image: Image) -> None:
    annotation = make_annotation(image, cast.ben, marks=1)
    mask = accepted(image, cast)
    bytes_before = storage.read(mask.blob)
    assert decisions.reopen_image(image=image, by=cast.ben) == mask
    image.refresh_from_db()
    annotation.refresh_from_db()
    assert (image.accepted_mask, image.accepted_at, annotation.status) == (None, None, "draft")
    assert Mask.objects.filter(pk=mask.pk).exists() and storage.read(mask.blob) == bytes_before
    with pytest.raises(StaleState):
        decisions.reopen_image(image=image, by=cast.ben)


def test_skipping_takes_an_image_out_and_reopening_brings_it_back(cast: Cast, image: Image) -> None:
    decisions.skip_image(image=image, by=cast.ben, reason="too_hard", comment="fog")
    image.refresh_from_db()
    assert (image.skip_reason, image.skip_comment) == ("too_hard", "fog")
    mask = make_mask(image)
    for refused in (
        lambda: decisions.skip_image(image=image, by=cast.ben, reason="other"),
        lambda: decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=cast.ben),
    ):
        with pytest.raises(StaleState):
            refused()
    nothing = decisions.reopen_image(image=image, by=cast.ben)
    image.refresh_from_db()
    assert nothing is None and image.skip_reason == "" and verbs() == ["image.skipped", "image.reopened"]


def test_an_accepted_image_is_not_skipped(cast: Cast, image: Image) -> None:
    mask = accepted(image, cast)
    with pytest.raises(StaleState):
        decisions.skip_image(image=image, by=cast.ben, reason="other")
    image.refresh_from_db()
    assert image.accepted_mask == mask and image.skip_reason == ""


def test_sending_back_reopens_the_image_and_approving_does_not(cast: Cast, image: Image) -> None:
    mask = accepted(image, cast)
    add_review(mask=mask, reviewer=cast.cleo, verdict="approved")
    image.refresh_from_db()
    assert image.accepted_mask == mask
    with pytest.raises(Forbidden):
        decisions.reopen_image(image=image, by=cast.ben)
    add_review(mask=mask, reviewer=cast.cleo, verdict="changes_requested", comment="the tail")
    assert Image.objects.get(pk=image.pk).accepted_mask is None
    assert verbs()[-2:] == ["image.reopened", "review.added"]
    with pytest.raises(StaleState):
        add_review(mask=mask, reviewer=cast.cleo, verdict="approved")


def test_nobody_reviews_their_own_mask_where_two_people_are_asked_for(cast: Cast, image: Image) -> None:
    mask = make_mask(image, created_by=cast.ben)
    decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=cast.cleo)
    add_review(mask=mask, reviewer=cast.cleo, verdict="approved")  # one person is enough here
    Project.objects.update(settings_json={"review_required": True})
    mask = Mask.objects.select_related("image__project").get(pk=mask.pk)
    for author in (cast.cleo, cast.ben):
        with pytest.raises(Forbidden):
            add_review(mask=mask, reviewer=author, verdict="approved")
    add_review(mask=mask, reviewer=cast.ada, verdict="approved")
    assert mask.reviews.count() == 2


def test_a_request_on_a_decided_image_is_refused(cast: Cast, image: Image) -> None:
    annotation = make_annotation(image, cast.ben, marks=1)
    Image.objects.filter(pk=image.pk).update(accepted_mask=make_mask(image), accepted_at=timezone.now())
    image.refresh_from_db()
    with pytest.raises(StaleState):
        request_proposal(annotation=annotation, image=image, method="live_head", by=cast.ben)
    assert not ProposalRun.objects.exists()
