"""Comments: said at a place or of the whole image, resolved once, deleted by their authors only."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from labeling.errors import Conflict, DomainError, Forbidden, Invalid, StaleState
from labeling.models import Comment, Event, Image
from labeling.selectors.images import filtered_images, listed_images
from labeling.services import comments
from labeling.services.garbage import collect_garbage
from labeling.services.images import delete_image
from tests.conftest import Cast
from tests.factories import make_image, make_mask, make_model_proposal, make_version


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project)


def say(image: Image, cast: Cast, text: str = "Is this a coin?") -> Comment:
    return comments.add_comment(image=image, author=cast.ben, text=text)


def verbs() -> list[str]:
    return list(Event.objects.order_by("seq").values_list("verb", flat=True))


def test_a_comment_keeps_its_place_its_words_and_its_mask(cast: Cast, image: Image) -> None:
    mask = make_mask(image, created_by=cast.ben)
    text = "<b>Not</b> markup,\nbut *text* & more"
    said = comments.add_comment(
        image=image, author=cast.ben, text=f"  {text} \n", place=(48.0, 0.0), mask_sha256=mask.sha256
    )
    said.refresh_from_db()
    assert (said.text, said.x, said.y, said.proposed_mask) == (text, 48.0, 0.0, mask)
    event = Event.objects.get()
    assert (event.verb, event.actor, event.image_id) == ("comment.added", cast.ben, image.pk)
    assert event.data == {"image": image.pk, "comment": said.pk}, "events hold ids only, never what was said"


@pytest.mark.parametrize("place", [(-0.5, 3), (3, 40.5), (math.nan, 3), (3, math.inf)])
def test_a_place_outside_the_image_is_refused(cast: Cast, image: Image, place: tuple[float, float]) -> None:
    with pytest.raises(Invalid) as caught:
        comments.add_comment(image=image, author=cast.ben, text="here", place=place)
    assert caught.value.code == "bad_comment"
    assert not Comment.objects.exists() and not Event.objects.exists()


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 2_001])
def test_nothing_and_too_much_are_refused(cast: Cast, image: Image, text: str) -> None:
    with pytest.raises(Invalid):
        say(image, cast, text)
    assert not Comment.objects.exists() and not Event.objects.exists()
    say(image, cast, "x" * 2_000)


def test_only_a_mask_of_this_image_that_people_may_see_is_proposed(cast: Cast, image: Image) -> None:
    elsewhere = make_mask(make_image(cast.project, width=20, height=20))
    kept_back = make_model_proposal(make_image(cast.project, split="val"), make_version(cast.project)).mask
    for of, sha256 in ((image, "0" * 64), (image, elsewhere.sha256), (kept_back.image, kept_back.sha256)):
        with pytest.raises(Conflict) as caught:
            comments.add_comment(image=of, author=cast.ben, text="rather this", mask_sha256=sha256)
        assert caught.value.code == "mask_unknown"
    assert not Comment.objects.exists() and not Event.objects.exists()


def test_an_image_takes_so_many_comments_and_no_more(cast: Cast, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "MOST_COMMENTS", 2)
    say(image, cast)
    say(image, cast)
    with pytest.raises(Conflict) as caught:
        say(image, cast)
    assert caught.value.code == "too_many_comments" and Comment.objects.count() == 2


def test_of_two_who_resolve_one_is_told_and_so_with_opening_again(cast: Cast, image: Image) -> None:
    said = say(image, cast)
    comments.resolve_comment(comment=said, by=cast.cleo)
    with pytest.raises(StaleState):
        comments.resolve_comment(comment=said, by=cast.ada)
    stored = Comment.objects.get()
    assert stored.resolved_by == cast.cleo and stored.resolved_at is not None
    comments.reopen_comment(comment=said, by=cast.ben)
    with pytest.raises(StaleState):
        comments.reopen_comment(comment=said, by=cast.ben)
    stored = Comment.objects.get()
    assert stored.resolved_by is None and stored.resolved_at is None
    assert verbs() == ["comment.added", "comment.resolved", "comment.reopened"]


def test_a_comment_is_deleted_by_its_author_only_and_once(cast: Cast, image: Image) -> None:
    said = say(image, cast)
    with pytest.raises(Forbidden):
        comments.delete_comment(comment=said, by=cast.ada)
    assert Comment.objects.count() == 1
    again = Comment.objects.get()
    comments.delete_comment(comment=said, by=cast.ben)
    for late in (comments.delete_comment, comments.resolve_comment):
        with pytest.raises(DomainError):
            late(comment=again, by=cast.ben)
    assert verbs() == ["comment.added", "comment.deleted"]


def test_an_image_is_deleted_with_its_comments_and_the_masks_they_propose(cast: Cast, image: Image) -> None:
    mask = make_mask(image, origin="interactive")
    comments.add_comment(image=image, author=cast.ben, text="this one", mask_sha256=mask.sha256)
    collect_garbage(grace=timedelta(0))
    assert image.masks.exists(), "a mask that is talked about is no garbage"
    delete_image(image=image, by=cast.ada)
    assert not Image.objects.exists() and not Comment.objects.exists()


def test_the_list_counts_what_is_open_and_narrows_to_it(cast: Cast, image: Image) -> None:
    quiet = make_image(cast.project)
    say(image, cast)
    say(image, cast)
    comments.resolve_comment(comment=say(image, cast), by=cast.ben)
    comments.resolve_comment(comment=say(quiet, cast), by=cast.ben)
    rows = listed_images(cast.project)
    assert {row.pk: row.open_comments for row in rows} == {image.pk: 2, quiet.pk: 0}
    assert [row.pk for row in filtered_images(rows, comments="open")] == [image.pk]


@pytest.mark.parametrize("fields", [{"text": ""}, {"x": 5.0}, {"y": 5.0}, {"x": -1.0, "y": 2.0}])
def test_the_database_refuses_half_a_place_and_no_words(cast: Cast, image: Image, fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Comment.objects.create(**({"image": image, "author": cast.ben, "text": "x"} | fields))


def test_the_database_wants_who_resolved_and_when_together(cast: Cast, image: Image) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Comment.objects.create(image=image, author=cast.ben, text="x", resolved_by=cast.ben)
