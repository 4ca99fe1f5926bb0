"""Leases and the queue: no two people on one image, and the order people are promised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.errors import Conflict
from labeling.models import AcquisitionScore, Event, Image, Lease, ModelVersion, Project
from labeling.selectors.queue import recent_images, upcoming
from labeling.services import decisions
from labeling.services.leases import release_lease, take_lease
from labeling.services.queue import lease_next
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
def images(cast: Cast) -> list[Image]:
    return [make_image(cast.project, order_key=key) for key in (0.3, 0.1, 0.2, 0.5, 0.4)]


def score(version: ModelVersion, images: Sequence[Image], scores: Sequence[float]) -> None:
    for image, value in zip(images, scores, strict=True):
        AcquisitionScore.objects.create(image=image, model_version=version, function="entropy", score=value)


def share(project: Project, value: float) -> None:
    Project.objects.filter(pk=project.pk).update(settings_json={"random_share": value})
    project.refresh_from_db()


def test_one_holder_at_a_time(cast: Cast, images: list[Image]) -> None:
    take_lease(image=images[0], user=cast.ben)
    with pytest.raises(Conflict) as caught:
        take_lease(image=images[0], user=cast.cleo)
    assert caught.value.code == "leased" and caught.value.detail["username"] == "ben"
    assert Lease.objects.get().user == cast.ben


def test_a_heartbeat_extends_without_an_event(cast: Cast, images: list[Image]) -> None:
    first = take_lease(image=images[0], user=cast.ben)
    later = take_lease(image=images[0], user=cast.ben)
    assert later.expires_at > first.expires_at
    assert [event.data["username"] for event in Event.objects.all()] == ["ben"]


def test_an_expired_hold_passes_to_whoever_asks(cast: Cast, images: list[Image]) -> None:
    take_lease(image=images[0], user=cast.ben)
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    take_lease(image=images[0], user=cast.cleo)
    assert Lease.objects.get().user == cast.cleo
    assert not release_lease(image=images[0], user=cast.ben)
    assert release_lease(image=images[0], user=cast.cleo)
    assert [event.data["username"] for event in Event.objects.order_by("seq")] == ["ben", "cleo", None]


def test_a_cold_start_comes_in_the_order_dealt_at_import(cast: Cast, images: list[Image]) -> None:
    queue = upcoming(cast.project, cast.ben, limit=9)
    assert queue.ids == [images[position].pk for position in (1, 2, 0, 4, 3)]
    assert (queue.remaining, queue.order) == (5, "cold_start")


def test_scores_decide_and_unscored_images_come_last(cast: Cast, images: list[Image]) -> None:
    share(cast.project, 0)
    version = make_version(cast.project, is_active=True)
    score(version, images[:4], [0.2, 0.9, 0.2, 0.5])
    score(make_version(cast.project), images, [1, 2, 3, 4, 5])  # not active: does not count
    queue = upcoming(cast.project, cast.ben, limit=9)
    assert queue.ids == [images[position].pk for position in (1, 3, 2, 0, 4)]
    assert queue.order == "acquisition"


def test_checking_gets_only_images_that_a_models_proposal_waits_on(cast: Cast, images: list[Image]) -> None:
    share(cast.project, 0)
    version = make_version(cast.project, is_active=True)
    for position in (1, 3):
        make_model_proposal(images[position], version)
    make_model_proposal(images[4], version, status="rejected", decided_by=cast.ben, decided_at=timezone.now())
    make_interactive_proposal(make_annotation(images[0], cast.ben))
    make_model_proposal(make_image(cast.project, split="val"), version)  # hidden until a person has marked it
    assert upcoming(cast.project, cast.ben, limit=9, only_proposed=True).ids == [images[1].pk, images[3].pk]
    score(version, images[:4], [0.2, 0.1, 0.9, 0.5])
    queue = upcoming(cast.project, cast.ben, limit=9, only_proposed=True)
    assert (queue.ids, queue.remaining) == ([images[3].pk, images[1].pk], 2)
    handed = lease_next(project=cast.project, user=cast.ben, exclude=[images[3].pk], only_proposed=True)
    assert handed.image == images[1]


def test_decided_skipped_held_and_excluded_images_are_left_out(cast: Cast, images: list[Image]) -> None:
    mask = make_mask(images[0])
    decisions.accept_mask(image=images[0], mask_sha256=mask.sha256, by=cast.ben)
    decisions.skip_image(image=images[1], by=cast.ben, reason="other")
    take_lease(image=images[2], user=cast.cleo)
    take_lease(image=images[3], user=cast.ben)
    assert set(upcoming(cast.project, cast.ben, limit=9).ids) == {images[3].pk, images[4].pk}
    assert upcoming(cast.project, cast.ben, exclude=[images[3].pk], limit=9).ids == [images[4].pk]


def test_the_share_by_chance_is_drawn_the_same_way_each_time_and_is_about_as_large_as_asked(cast: Cast) -> None:
    pool = [make_image(cast.project, order_key=(7 * i % 80) / 80) for i in range(80)]
    version = make_version(cast.project, is_active=True)
    score(version, pool, [float(i) for i in range(80)])
    share(cast.project, 0.25)
    ids = upcoming(cast.project, cast.ben, limit=60).ids
    assert ids == upcoming(cast.project, cast.ben, limit=60).ids and len(set(ids)) == 60
    assert upcoming(cast.project, cast.ben, exclude=ids[:1], limit=3).ids == ids[1:4]
    rank = {image.pk: i for i, image in enumerate(pool)}
    out_of_turn = sum(1 for i, pk in enumerate(ids) if rank[pk] < max(rank[other] for other in ids[i:]))
    assert 6 <= out_of_turn <= 25


def test_next_takes_the_lease_and_two_people_get_two_images(cast: Cast, images: list[Image]) -> None:
    first = lease_next(project=cast.project, user=cast.ben)
    second = lease_next(project=cast.project, user=cast.cleo)
    assert (first.image, second.image) == (images[1], images[2])
    assert {lease.user for lease in Lease.objects.all()} == {cast.ben, cast.cleo}
    assert (first.remaining, second.remaining) == (4, 3)


def test_when_somebody_is_faster_the_next_one_is_taken(
    cast: Cast, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    from labeling.services import queue

    def late(image: Image, user: object) -> Lease:
        if image == images[1]:
            Lease.objects.create(image=image, user=cast.cleo, expires_at=timezone.now() + timedelta(minutes=1))
        return take_lease(image=image, user=user)  # type: ignore[arg-type]

    monkeypatch.setattr(queue, "take_lease", lambda *, image, user: late(image, user))
    assert lease_next(project=cast.project, user=cast.ben).image == images[2]


def test_an_empty_queue_says_so(cast: Cast) -> None:
    handed = lease_next(project=cast.project, user=cast.ben)
    assert (handed.image, handed.remaining, handed.order) == (None, 0, "cold_start")


def test_recent_images_are_mine_newest_first(cast: Cast, images: list[Image]) -> None:
    decisions.skip_image(image=images[0], by=cast.ben, reason="other")
    mask = make_mask(images[1])
    decisions.accept_mask(image=images[1], mask_sha256=mask.sha256, by=cast.ben)
    decisions.skip_image(image=images[2], by=cast.cleo, reason="other")
    assert recent_images(cast.project, cast.ben) == [images[1].pk, images[0].pk]
