"""A person's own pace: decided images over time at work, pauses left out."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from labeling.models import Event
from labeling.selectors.pace import own_pace
from tests.conftest import Cast, client_for
from tests.factories import make_image


def trace(cast: Cast, who: User, verb: str, moment: datetime, image: int) -> None:
    seq = Event.objects.count() + 1
    event = Event.objects.create(
        project=cast.project, seq=seq, actor=who, verb=verb, subject_type="image", subject_id=image, image_id=image
    )
    Event.objects.filter(pk=event.pk).update(created_at=moment)


def test_pauses_do_not_count_and_an_image_counts_once(cast: Cast) -> None:
    one, two = make_image(cast.project).pk, make_image(cast.project).pk
    start = timezone.now() - timedelta(hours=4)
    at = [start + timedelta(seconds=seconds) for seconds in (0, 60, 90, 7_290, 7_300)]
    for verb, moment, image in zip(
        ("annotation.saved", "proposal.decided", "mask.accepted", "image.skipped", "lease.changed"),
        at,
        (one, one, one, two, two),
        strict=True,
    ):
        trace(cast, cast.ben, verb, moment, image)
    trace(cast, cast.cleo, "mask.accepted", start, two)
    pace = own_pace(cast.project, cast.ben, since=start)
    assert (pace.images, pace.seconds) == (2, 90 + 180)
    later = own_pace(cast.project, cast.ben, since=start + timedelta(hours=1))
    assert (later.images, later.seconds) == (1, 0)


def test_each_person_hears_their_own(cast: Cast) -> None:
    now = timezone.now()
    trace(cast, cast.ben, "mask.accepted", now, make_image(cast.project).pk)
    url = f"/api/v1/projects/{cast.project.pk}/pace"
    since = {"since": (now - timedelta(minutes=1)).isoformat()}
    assert client_for(cast.ben).get(url, since).json() == {"images": 1, "seconds": 0}
    assert client_for(cast.ada).get(url, since).json() == {"images": 0, "seconds": 0}
    assert client_for(cast.ben).get(url).json()["images"] == 1
    assert client_for(cast.ben).get(url, {"since": "yesterday"}).json()["code"] == "invalid"
    assert client_for(cast.dan).get(url, since).status_code == 404
