"""States are derived in one query; nothing about val and test images leaks before a person marked them."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.errors import Conflict
from labeling.models import Image, Project
from labeling.selectors.images import STATES, filtered_images, listed_images, with_state
from labeling.selectors.proposals import image_masks, image_proposals, mask_seen_by, masks_seen_by
from labeling.services import decisions
from labeling.services.leases import take_lease
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


def state_of(image: Image) -> str:
    state: str = with_state(Image.objects.filter(pk=image.pk)).get().state
    return state


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project)


def accept(image: Image, cast: Cast) -> Any:
    mask = make_mask(image, created_by=cast.ben)
    decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=cast.ben)
    return mask


def test_an_image_walks_through_its_states(cast: Cast, image: Image) -> None:
    assert state_of(image) == "new"
    annotation = make_annotation(image, cast.ben, marks=1)
    assert state_of(image) == "marked"
    proposal = make_interactive_proposal(annotation)
    assert state_of(image) == "proposed"
    decisions.accept_proposal(proposal=proposal, mask_sha256=proposal.mask.sha256, by=cast.ben)
    assert state_of(image) == "accepted"
    decisions.reopen_image(image=image, by=cast.ben)
    assert state_of(image) == "marked"
    decisions.skip_image(image=image, by=cast.ben, reason="other")
    assert state_of(image) == "skipped"


def test_review_adds_two_states_where_the_project_asks_for_it(cast: Cast, image: Image) -> None:
    Project.objects.update(settings_json={"review_required": True})
    image.project.refresh_from_db()
    mask = accept(image, cast)
    assert state_of(image) == "in_review"
    add_review(mask=mask, reviewer=cast.cleo, verdict="approved")
    assert state_of(image) == "accepted"
    add_review(mask=mask, reviewer=cast.cleo, verdict="changes_requested")
    assert state_of(image) == "changes_requested"
    accept(image, cast)
    assert state_of(image) == "in_review"


def test_without_review_a_verdict_of_an_older_mask_does_not_hold_the_image(cast: Cast, image: Image) -> None:
    mask = accept(image, cast)
    add_review(mask=mask, reviewer=cast.cleo, verdict="changes_requested")
    assert state_of(image) == "changes_requested"
    accept(image, cast)
    assert state_of(image) == "accepted"


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_models_proposal_is_hidden_until_a_person_marked_the_image(cast: Cast, split: str) -> None:
    image = make_image(cast.project, split=split)
    proposal = make_model_proposal(image, make_version(cast.project, is_active=True))
    assert state_of(image) == "new"
    assert not image_proposals(image).exists() and not image_masks(image).exists()
    make_annotation(image, cast.ben, marks=1)
    assert state_of(image) == "proposed"
    assert list(image_proposals(image)) == [proposal] and list(image_masks(image)) == [proposal.mask]


def test_on_train_images_it_is_shown_at_once(cast: Cast, image: Image) -> None:
    proposal = make_model_proposal(image, make_version(cast.project, is_active=True))
    assert state_of(image) == "proposed" and list(image_proposals(image)) == [proposal]


def test_a_list_costs_one_query_whatever_its_length(cast: Cast, django_assert_num_queries: Any) -> None:
    version = make_version(cast.project, is_active=True)
    for number in range(6):
        image = make_image(cast.project)
        make_annotation(image, cast.ben, marks=1)
        make_model_proposal(image, version)
        if number % 2:
            accept(image, cast)
        else:
            take_lease(image=image, user=cast.ben)
    with django_assert_num_queries(1):
        rows = list(listed_images(cast.project))
    assert {row.state for row in rows} == {"accepted", "proposed"}
    assert {row.leased_by for row in rows} == {"ben", None}


def test_filters_narrow_a_listing(cast: Cast) -> None:
    horse = make_image(cast.project, name="horse1.png")
    make_image(cast.project, name="cow.png", split="val")
    make_annotation(horse, cast.ben, marks=1)
    rows = listed_images(cast.project)
    assert list(filtered_images(rows, state="marked")) == [horse]
    assert list(filtered_images(rows, search="HORSE")) == [horse]
    assert filtered_images(rows, split="val").count() == 1


def test_every_state_can_be_counted(cast: Cast, image: Image) -> None:
    Image.objects.filter(pk=image.pk).update(skip_reason="other")
    make_image(cast.project, accepted_mask=None, accepted_at=None)
    counted = {state: filtered_images(listed_images(cast.project), state=state).count() for state in STATES}
    assert counted == dict.fromkeys(STATES, 0) | {"skipped": 1, "new": 1}


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_hidden_mask_is_found_neither_by_its_hash_nor_by_its_id(cast: Cast, split: str) -> None:
    image = make_image(cast.project, split=split)
    mask = make_model_proposal(image, make_version(cast.project)).mask
    assert mask_seen_by(cast.ben, mask.sha256) is None
    assert not masks_seen_by(cast.ben).filter(pk=mask.pk).exists()
    with pytest.raises(Conflict) as refusal:
        decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=cast.ben)
    assert refusal.value.code == "mask_unknown"
    make_annotation(image, cast.ben, marks=1)
    assert mask_seen_by(cast.ben, mask.sha256) == mask
