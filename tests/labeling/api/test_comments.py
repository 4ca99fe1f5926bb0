"""HTTP for comments; roles are in the route walk, rules in the service's tests."""

from __future__ import annotations

import pytest

from labeling.models import Comment, Event, Image
from tests.conftest import Cast, client_for
from tests.factories import make_image, make_mask


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project)


def test_one_comment_from_first_word_to_last(cast: Cast, image: Image) -> None:
    mask = make_mask(image, created_by=cast.ben)
    ben, cleo, url = client_for(cast.ben), client_for(cast.cleo), f"/api/v1/images/{image.pk}/comments"
    body = {"text": "<script>1</script>", "place": {"x": 3.5, "y": 7}, "mask_sha256": mask.sha256}
    said = ben.post(url, body, format="json")
    assert said.status_code == 201
    row = said.json()
    assert row | {"created_at": ""} == {
        "id": row["id"],
        "image_id": image.pk,
        "author": {"id": cast.ben.pk, "username": "ben"},
        "place": {"x": 3.5, "y": 7.0},
        "text": "<script>1</script>",
        "proposed_mask": {"id": mask.pk, "sha256": mask.sha256, "url": f"/api/v1/masks/{mask.sha256}.png"},
        "resolved_by": None,
        "resolved_at": None,
        "created_at": "",
    }
    assert client_for(cast.vera).get(url).json()["results"] == [row]
    assert client_for(cast.vera).get(f"/api/v1/images/{image.pk}").json()["open_comments"] == 1
    own = f"/api/v1/comments/{row['id']}"
    assert cleo.post(f"{own}/resolve").json()["resolved_by"] == "cleo"
    assert cleo.post(f"{own}/resolve").status_code == 409
    listed = f"/api/v1/projects/{cast.project.pk}/images?comments=open"
    assert ben.get(listed).json()["results"] == []
    assert ben.post(f"{own}/reopen").json()["resolved_at"] is None
    assert [found["open_comments"] for found in ben.get(listed).json()["results"]] == [1]
    assert cleo.delete(own).status_code == 403
    assert ben.delete(own).status_code == 204
    assert ben.delete(own).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": " "},
        {"text": "x" * 2_001},
        {"text": "a\x00b"},
        {"text": "x", "place": {"x": 1}},
        {"text": "x", "place": {"x": 1, "y": 99}},
        {"text": "x", "place": [1, 2]},
        {"text": "x", "mask_sha256": "../etc"},
        {"text": "x", "author": 1},
    ],
)
def test_a_wrong_comment_is_refused_and_nothing_is_kept(cast: Cast, image: Image, body: dict[str, object]) -> None:
    answer = client_for(cast.ben).post(f"/api/v1/images/{image.pk}/comments", body, format="json")
    assert answer.status_code == 400 and set(answer.json()) == {"code", "message", "detail"}
    assert not Comment.objects.exists() and not Event.objects.exists()


def test_in_an_archived_project_comments_are_read_and_nothing_more(cast: Cast, image: Image) -> None:
    said = Comment.objects.create(image=image, author=cast.ada, text="x")
    cast.project.is_archived = True
    cast.project.save()
    ada, url = client_for(cast.ada), f"/api/v1/images/{image.pk}/comments"
    assert ada.get(url).status_code == 200
    answers = [
        ada.post(url, {"text": "more"}, format="json"),
        ada.post(f"/api/v1/comments/{said.pk}/resolve"),
        ada.post(f"/api/v1/comments/{said.pk}/reopen"),
        ada.delete(f"/api/v1/comments/{said.pk}"),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "archived")}
    said.refresh_from_db()
    assert said.resolved_at is None and Comment.objects.count() == 1
