"""Saving marks: compare-and-swap, identity by UUID, strict input, and nothing lost."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labeling.errors import Invalid, StaleRevision
from labeling.models import Annotation, Event, Image, Mark, ProposalRun
from labeling.services.annotations import Saved, save_annotation
from tests.conftest import Cast
from tests.factories import make_annotation, make_class, make_image, make_interactive_proposal, make_mask


def point(class_index: Any = 1, x: float = 5.0, y: float = 6.0, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "kind": "point",
        "class_index": class_index,
        "sign": 1,
        "geometry": {"x": x, "y": y},
        "made_at": "2026-05-04T12:00:00Z",
        "seconds": 1.5,
    } | fields


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project)


def save(image: Image, cast: Cast, revision: int, marks: list[Any], **options: Any) -> Saved:
    return save_annotation(image=image, author=cast.ben, revision=revision, marks=marks, **options)


def test_a_first_save_makes_revision_one_and_an_event(cast: Cast, image: Image) -> None:
    saved = save(image, cast, 0, [point(), point(0, 9)])
    assert (saved.annotation.revision, len(saved.marks)) == (1, 2)
    event = Event.objects.get(verb="annotation.saved")
    assert event.data == {"image": image.pk, "revision": 1, "num_marks": 2}
    assert event.actor == cast.ben


def test_marks_keep_id_row_and_time_while_others_change_around_them(cast: Cast, image: Image) -> None:
    first, second, third = point(), point(0, 9), point(1, 20)
    save(image, cast, 0, [first, second])
    row = Mark.objects.get(uuid=first["id"])
    saved = save(image, cast, 1, [first | {"made_at": "2026-06-01T00:00:00Z"}, third])
    assert [str(mark.uuid) for mark in saved.marks] == [first["id"], third["id"]]
    again = Mark.objects.get(uuid=first["id"])
    assert (again.pk, again.made_at) == (row.pk, row.made_at)
    assert not Mark.objects.filter(uuid=second["id"]).exists()


def test_the_order_of_the_list_is_the_drawing_order(cast: Cast, image: Image) -> None:
    marks = [point(x=float(x)) for x in range(1, 6)]
    save(image, cast, 0, marks)
    saved = save(image, cast, 1, marks[::-1])
    stored = Annotation.objects.get().marks.order_by("pk").values_list("uuid", flat=True)
    assert [str(value) for value in stored] == [mark["id"] for mark in marks[::-1]]
    assert saved.annotation.revision == 2


def test_a_stale_revision_is_refused_with_what_is_stored_and_changes_nothing(cast: Cast, image: Image) -> None:
    mine = point()
    save(image, cast, 0, [mine])
    with pytest.raises(StaleRevision) as caught:
        save(image, cast, 0, [point(x=30.0)])
    stored: Any = caught.value.detail["annotation"]
    assert stored["revision"] == 1 and [mark["id"] for mark in stored["marks"]] == [mine["id"]]
    assert Mark.objects.count() == 1


def test_a_revision_from_the_future_is_stale_too(cast: Cast, image: Image) -> None:
    marks = [point()]
    save(image, cast, 0, marks)
    with pytest.raises(StaleRevision):
        save(image, cast, 7, marks)


def test_sending_the_same_again_answers_the_same_and_changes_nothing(cast: Cast, image: Image) -> None:
    marks = [point(), point(0, 9)]
    save(image, cast, 0, marks)
    seq = Event.objects.count()
    again = save(image, cast, 0, marks)
    assert again.annotation.revision == 1 and len(again.marks) == 2
    assert Event.objects.count() == seq


def test_marks_of_others_are_not_touched(cast: Cast, image: Image) -> None:
    theirs = make_annotation(image, cast.cleo, marks=2)
    save(image, cast, 0, [point()])
    save(image, cast, 1, [])
    assert theirs.marks.count() == 2
    theirs.refresh_from_db()
    assert theirs.revision == 1


def test_taking_all_marks_away_puts_the_proposal_aside(cast: Cast, image: Image) -> None:
    saved = save(image, cast, 0, [point()])
    proposal = make_interactive_proposal(saved.annotation)
    save(image, cast, 1, [])
    proposal.refresh_from_db()
    assert proposal.status == "superseded"
    assert Event.objects.filter(verb="proposal.superseded").count() == 1


def test_an_absent_tag_is_a_row_and_an_unknown_one_is_none(cast: Cast, image: Image) -> None:
    tag = point(kind="tag", sign=-1, geometry={})
    save(image, cast, 0, [tag])
    assert Mark.objects.get().sign == -1
    save(image, cast, 1, [])
    assert not Mark.objects.exists()


def test_a_clock_that_is_ahead_is_held_at_now_and_seconds_at_an_hour(cast: Cast, image: Image) -> None:
    ahead = (timezone.now() + timedelta(days=400)).isoformat()
    save(image, cast, 0, [point(made_at=ahead, seconds=10**6), point(x=7.0, made_at="0001-01-01T00:00:00+14:00")])
    first, second = Mark.objects.order_by("pk")
    assert first.made_at <= timezone.now() and first.seconds == 3600
    assert second.made_at.year == 2000


GOOD = "11111111-1111-4111-8111-111111111111"
BAD_MARKS: list[tuple[str, Any]] = [
    ("shape", "a string"),
    ("shape", None),
    ("shape", {"id": GOOD}),
    ("shape", point() | {"owner": 3}),
    ("id", point(id="not-a-uuid")),
    ("id", point(id=17)),
    ("kind", point(kind="polygon")),
    ("kind", point(kind=["tag"])),
    ("class", point(class_index=7)),
    ("class", point(class_index=True)),
    ("class", point(class_index="1")),
    ("sign", point(sign=0)),
    ("geometry", point(geometry={"x": 1})),
    ("geometry", point(geometry=[1, 2])),
    ("geometry", point(geometry={"x": 1, "y": 1, "z": 1})),
    ("number", point(x=float("nan"))),
    ("number", point(x=10**400)),
    ("outside", point(x=48.1)),
    ("outside", point(y=-0.5)),
    ("points", point(kind="scribble", geometry={"points": [[1, 1]], "width": 3})),
    ("width", point(kind="scribble", geometry={"points": [[1, 1], [2, 2]], "width": 0})),
    ("empty", point(kind="box", geometry={"box": [5, 5, 5, 9]})),
    ("geometry", point(kind="tag", geometry={"x": 1})),
    ("made_at", point(made_at="yesterday")),
    ("made_at", point(made_at=12)),
    ("made_at", point(made_at="2026-13-45T99:00:00Z")),
    ("seconds", point(seconds=-1)),
    ("seconds", point(seconds=float("inf"))),
    ("seconds", point(seconds="3")),
]


@pytest.mark.parametrize(("reason", "mark"), BAD_MARKS)
def test_a_bad_mark_is_named_and_nothing_is_stored(cast: Cast, image: Image, reason: str, mark: Any) -> None:
    with pytest.raises(Invalid) as caught:
        save(image, cast, 0, [point(), mark])
    assert caught.value.code == "bad_mark"
    assert caught.value.detail["position"] == 1 and caught.value.detail["reason"] == reason
    assert not Annotation.objects.exists() and not Event.objects.exists()


def test_an_id_or_a_tag_may_occur_only_once(cast: Cast, image: Image) -> None:
    mark = point()
    with pytest.raises(Invalid, match="same id"):
        save(image, cast, 0, [mark, mark])
    with pytest.raises(Invalid, match="two tags"):
        save(image, cast, 0, [point(kind="tag", geometry={}), point(kind="tag", sign=-1, geometry={})])


def test_too_many_marks_are_refused(cast: Cast, image: Image, settings: Any) -> None:
    settings.MAX_MARKS = 3
    with pytest.raises(Invalid, match="at most 3"):
        save(image, cast, 0, [point() for _ in range(4)])


def test_a_retired_class_takes_no_new_marks_but_keeps_its_old_ones(cast: Cast, image: Image) -> None:
    old = make_class(cast.project, index=5, name="hay")
    kept = point(5)
    save(image, cast, 0, [kept])
    old.is_retired = True
    old.save()
    saved = save(image, cast, 1, [kept, point(1, 20)])
    assert len(saved.marks) == 2
    fresh = point(5, 30)
    with pytest.raises(Invalid, match="'hay' is retired") as caught:
        save(image, cast, 2, [kept, fresh])
    assert caught.value.detail["mark"] == fresh["id"]


def test_a_save_may_ask_for_a_proposal_and_older_waiting_requests_are_cancelled(cast: Cast, image: Image) -> None:
    marks = [point()]
    first = save(image, cast, 0, marks, propose="live_head").run
    second = save(image, cast, 1, [*marks, point(0, 9)], propose="live_head").run
    assert first is not None and second is not None
    first.refresh_from_db()
    assert (first.status, second.status, second.source_revision) == ("cancelled", "queued", 2)


def test_asking_twice_for_the_same_marks_is_one_run(cast: Cast, image: Image) -> None:
    marks = [point()]
    first = save(image, cast, 0, marks, propose="grabcut").run
    second = save(image, cast, 0, marks, propose="grabcut").run
    assert first == second and ProposalRun.objects.count() == 1


def test_no_proposal_is_asked_for_without_marks_or_on_a_decided_image(cast: Cast, image: Image) -> None:
    assert save(image, cast, 0, [], propose="live_head").run is None
    image.skip_reason = "other"
    late = save(image, cast, 0, [point()], propose="live_head")
    assert late.run is None and len(late.marks) == 1
    image.skip_reason = ""
    image.accepted_mask, image.accepted_at = make_mask(image), timezone.now()
    image.save()
    assert save(image, cast, 1, [point()], propose="live_head").run is None


def test_an_unknown_method_is_refused_and_the_marks_with_it(cast: Cast, image: Image) -> None:
    with pytest.raises(Invalid) as caught:
        save(image, cast, 0, [point()], propose="../../etc")
    assert caught.value.code == "unknown_method"
    assert not Mark.objects.exists()


def test_two_thousand_marks_are_saved_with_few_queries(
    cast: Cast, image: Image, django_assert_max_num_queries: Any
) -> None:
    marks = [point(x=1 + index % 40) for index in range(2_000)]
    save(image, cast, 0, marks[:-1])
    with django_assert_max_num_queries(16):
        save(image, cast, 1, marks)
