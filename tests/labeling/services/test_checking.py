"""Checking class by class: a word is kept, and nothing is accepted that its person has not seen whole."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from labeling import storage
from labeling.errors import Invalid
from labeling.models import ClassCheck, Event, Image, LabelClass, Lease, Mask, ModelVersion, Proposal
from labeling.selectors.checking import classes_left, classes_to_check, crops_page
from labeling.services import checking, decisions
from labeling.services.leases import take_lease
from models_zoo import IGNORE, encode_png, pixel_counts
from tests.conftest import Cast
from tests.factories import (
    make_annotation,
    make_class,
    make_image,
    make_interactive_proposal,
    make_model_proposal,
    make_version,
)


@pytest.fixture
def version(cast: Cast) -> ModelVersion:
    make_class(cast.project, index=2)
    return make_version(cast.project, is_active=True)


def propose(cast: Cast, version: ModelVersion, *classes: int, **fields: object) -> Proposal:
    """A model's proposal whose mask holds these classes, a column each, in an image of its own."""
    image = fields.pop("image", None) or make_image(cast.project, split=str(fields.pop("split", "train")))
    assert isinstance(image, Image)
    label_map = np.zeros((image.height, image.width), np.uint8)
    for place, index in enumerate(classes):
        label_map[:, place * 8 : place * 8 + 8] = index
    if 0 not in classes:
        label_map[:, len(classes) * 8 :] = IGNORE
    blob = storage.put("masks", encode_png(label_map), suffix="png")
    counts = {str(value): pixels for value, pixels in pixel_counts(label_map).items()}
    mask = Mask.objects.create(
        image=image, blob=blob.name, sha256=blob.sha256, origin="polished", model_version=version, pixel_counts=counts
    )
    return make_model_proposal(image, version, mask=mask, **fields)


def say(cast: Cast, index: int, verdict: str, *proposals: Proposal, by: User | None = None) -> list[str]:
    label_class = LabelClass.objects.get(project=cast.project, index=index)
    ids = [proposal.pk for proposal in proposals]
    outcomes = checking.check_class(label_class=label_class, verdict=verdict, proposals=ids, by=by or cast.ben)
    assert [row.proposal_id for row in outcomes] == ids
    return [row.outcome for row in outcomes]


def status(proposal: Proposal) -> str:
    return Proposal.objects.get(pk=proposal.pk).status


def test_one_class_confirmed_of_two_is_kept_and_the_second_accepts(cast: Cast, version: ModelVersion) -> None:
    proposal = propose(cast, version, 0, 1, 2)
    assert say(cast, 1, "right", proposal) == ["kept"]
    assert status(proposal) == "pending" and not Event.objects.exists()
    assert say(cast, 2, "right", proposal) == ["accepted"]
    image = Image.objects.get(pk=proposal.image_id)
    assert image.accepted_mask_id == proposal.mask_id and status(proposal) == "accepted"
    assert Proposal.objects.get().decided_by == cast.ben
    assert ClassCheck.objects.count() == 2, "what a person said stays"


def test_nobody_is_made_responsible_for_what_another_person_saw(cast: Cast, version: ModelVersion) -> None:
    proposal = propose(cast, version, 0, 1, 2)
    assert say(cast, 1, "right", proposal, by=cast.cleo) == ["kept"]
    assert say(cast, 2, "right", proposal) == ["kept"]
    assert status(proposal) == "pending"


def test_one_wrong_class_turns_the_whole_mask_down(cast: Cast, version: ModelVersion) -> None:
    proposal = propose(cast, version, 0, 1, 2)
    say(cast, 1, "right", proposal)
    assert say(cast, 2, "wrong", proposal) == ["rejected"]
    stored = Proposal.objects.get()
    assert (stored.status, stored.decided_by, stored.reject_reason) == ("rejected", cast.ben, "Wrong: class 2")
    assert Image.objects.get().accepted_mask is None
    assert list(ClassCheck.objects.values_list("label_class__index", "verdict")) == [(1, "right"), (2, "wrong")]


def test_a_word_can_be_changed_while_nothing_followed_from_it(cast: Cast, version: ModelVersion) -> None:
    proposal = propose(cast, version, 0, 1, 2)
    say(cast, 1, "right", proposal)
    assert say(cast, 1, "wrong", proposal) == ["rejected"]
    assert ClassCheck.objects.get().verdict == "wrong"


def test_background_is_asked_about_only_where_there_is_nothing_else(cast: Cast, version: ModelVersion) -> None:
    assert classes_to_check({"0": 5, "1": 3, "255": 2}, 0) == {1}
    assert classes_to_check({"0": 5, "255": 2}, 0) == {0}
    assert classes_to_check({"0": 5, "1": 3}, None) == {0, 1}
    assert classes_to_check({"255": 9}, 0) == set()
    empty, both = propose(cast, version, 0), propose(cast, version, 0, 1)
    with pytest.raises(Invalid):
        say(cast, 0, "right", both)
    assert say(cast, 0, "right", empty) == ["accepted"]
    assert status(both) == "pending"


def test_one_that_is_decided_held_hidden_or_replaced_stops_no_other(cast: Cast, version: ModelVersion) -> None:
    done, held, hidden, replaced, skipped, fine = (
        propose(cast, version, 0, 1, split="val" if name == "hidden" else "train")
        for name in ("done", "held", "hidden", "replaced", "skipped", "fine")
    )
    decisions.reject_proposal(proposal=done, by=cast.cleo)
    take_lease(image=held.image, user=cast.cleo)
    Proposal.objects.filter(pk=replaced.pk).update(status="superseded")
    decisions.skip_image(image=skipped.image, by=cast.cleo, reason="other")
    outcomes = say(cast, 1, "right", done, held, hidden, replaced, skipped, fine)
    assert outcomes == ["gone", "held", "gone", "gone", "gone", "accepted"]
    assert list(ClassCheck.objects.values_list("proposal", flat=True)) == [fine.pk]
    assert [status(each) for each in (held, hidden, skipped)] == ["pending"] * 3


def test_a_lease_of_ones_own_or_an_old_one_is_in_nobodys_way(cast: Cast, version: ModelVersion) -> None:
    mine, old = propose(cast, version, 0, 1), propose(cast, version, 0, 1)
    take_lease(image=mine.image, user=cast.ben)
    take_lease(image=old.image, user=cast.cleo)
    Lease.objects.filter(image=old.image).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert say(cast, 1, "right", mine, old) == ["accepted", "accepted"]


def test_a_proposal_made_from_marks_or_of_another_project_is_none_of_these(cast: Cast, version: ModelVersion) -> None:
    from_marks = make_interactive_proposal(make_annotation(make_image(cast.project), cast.ben, marks=1))
    assert say(cast, 1, "wrong", from_marks) == ["gone"]
    assert status(from_marks) == "pending"


def test_a_class_the_mask_does_not_claim_is_refused_and_nothing_changes(cast: Cast, version: ModelVersion) -> None:
    one, other = propose(cast, version, 0, 1), propose(cast, version, 0, 2)
    with pytest.raises(Invalid):
        say(cast, 1, "wrong", one, other)
    with pytest.raises(Invalid):
        say(cast, 1, "wrong", *[one] * (checking.MOST_AT_ONCE + 1))
    assert not ClassCheck.objects.exists() and {status(one), status(other)} == {"pending"}


def test_what_waits_is_listed_by_uncertainty_page_by_page(cast: Cast, version: ModelVersion) -> None:
    doubts = [0.5, None, 0.9, 0.5, 0.1]
    rows = [propose(cast, version, 0, 1, uncertainty=doubt) for doubt in doubts]
    one = LabelClass.objects.get(project=cast.project, index=1)
    wanted = [rows[place].pk for place in (2, 3, 0, 4, 1)]
    for order, expected in (("uncertain", wanted), ("certain", [wanted[i] for i in (4, 3, 1, 2, 0)])):
        seen: list[int] = []
        after = None
        while True:
            page = crops_page(cast.ben, one, order=order, after=after, limit=2)
            seen += [row.pk for row in page.proposals]
            after = page.next
            if after is None:
                break
            # Deciding the last one of a page does not lose the place.
            Proposal.objects.filter(pk=after).update(status="superseded")
        assert seen == expected
        Proposal.objects.update(status="pending")
    with pytest.raises(Invalid):
        crops_page(cast.ben, one, after=10**6)


def test_lists_and_counts_hold_what_the_person_has_left(cast: Cast, version: ModelVersion) -> None:
    both, first, hidden, held = (
        propose(cast, version, 0, 1, 2),
        propose(cast, version, 0, 1),
        propose(cast, version, 0, 1, split="test"),
        propose(cast, version, 0, 1),
    )
    propose(cast, version, 0)
    take_lease(image=held.image, user=cast.cleo)
    make_class(cast.project, index=3, is_retired=True)
    say(cast, 1, "right", both)
    one = LabelClass.objects.get(project=cast.project, index=1)

    def counts(user: User) -> dict[int, tuple[int, int]]:
        return {row.label_class.index: (row.num_left, row.num_checked) for row in classes_left(cast.project, user)}

    assert counts(cast.ben) == {0: (1, 0), 1: (1, 1), 2: (1, 0)}
    assert counts(cast.ada) == {0: (1, 0), 1: (2, 0), 2: (1, 0)}
    make_annotation(hidden.image, cast.ada, marks=1)
    assert counts(cast.ben)[1] == (2, 1), "once a person has marked it, a test image's proposal may be seen"
    left = crops_page(cast.ben, one)
    assert {row.pk for row in left.proposals} == {first.pk, hidden.pk}
    done = crops_page(cast.ben, one, checked=True)
    assert [row.pk for row in done.proposals] == [both.pk] and done.left == {both.pk: [2]}


def test_a_word_is_taken_back_with_what_followed_from_it(cast: Cast, version: ModelVersion) -> None:
    right, wrong, half = propose(cast, version, 1), propose(cast, version, 1), propose(cast, version, 1, 2)
    assert say(cast, 1, "right", right, half) == ["accepted", "kept"]
    assert say(cast, 1, "wrong", wrong) == ["rejected"]
    assert unsay(cast, 1, right, wrong, half) == ["back"] * 3
    assert not ClassCheck.objects.exists()
    assert not Image.objects.exclude(accepted_mask=None).exists()
    assert Proposal.objects.filter(status="pending", decided_by=None, reject_reason="").count() == 3
    assert unsay(cast, 1, right) == ["gone"]
    assert say(cast, 1, "right", right, wrong) == ["accepted", "accepted"]


def test_what_more_has_come_of_since_is_not_taken_back(cast: Cast, version: ModelVersion) -> None:
    skipped, replaced, others = (propose(cast, version, 1) for _ in range(3))
    assert say(cast, 1, "wrong", skipped, replaced) == ["rejected", "rejected"]
    assert say(cast, 1, "right", others, by=cast.vera) == ["accepted"]
    decisions.skip_image(image=skipped.image, by=cast.ben, reason="other")
    propose(cast, version, 1, image=replaced.image)
    before = list(Proposal.objects.order_by("pk").values_list("status", "decided_by"))
    assert unsay(cast, 1, skipped, replaced, others) == ["gone"] * 3
    ModelVersion.objects.update(is_active=False)
    assert unsay(cast, 1, others, by=cast.vera) == ["gone"]
    assert list(Proposal.objects.order_by("pk").values_list("status", "decided_by")) == before
    assert ClassCheck.objects.count() == 3


def unsay(cast: Cast, index: int, *proposals: Proposal, by: User | None = None) -> list[str]:
    label_class = LabelClass.objects.get(project=cast.project, index=index)
    ids = [proposal.pk for proposal in proposals]
    return [row.outcome for row in checking.take_back(label_class=label_class, proposals=ids, by=by or cast.ben)]
