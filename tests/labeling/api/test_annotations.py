"""HTTP for marks: saving under a revision, what others marked, and hostile bodies."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from labeling.models import Annotation, Image, Mark, ProposalRun
from tests.conftest import Cast, client_for
from tests.factories import make_annotation, make_image


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project)


def point(**fields: Any) -> dict[str, Any]:
    mark = {"id": str(uuid.uuid4()), "kind": "point", "class_index": 1, "geometry": {"x": 5, "y": 6}}
    return mark | fields


def url(image: Image) -> str:
    return f"/api/v1/images/{image.pk}/annotation"


def test_before_the_first_mark_the_revision_is_zero(cast: Cast, image: Image) -> None:
    assert client_for(cast.vera).get(url(image)).json() == {
        "revision": 0,
        "status": "draft",
        "marks": [],
        "others": [],
    }


def test_what_is_saved_is_what_is_read(cast: Cast, image: Image) -> None:
    client = client_for(cast.ben)
    stroke = point(
        kind="scribble",
        sign=-1,
        geometry={"points": [[1.5, 2], [30, 20.25]], "width": 4},
        made_at="2026-05-04T12:00:00+02:00",
        seconds=2.25,
    )
    saved = client.put(url(image), {"revision": 0, "marks": [stroke, point()], "deleted": [], "propose": None})
    assert saved.status_code == 200 and saved.json()["revision"] == 1 and saved.json()["proposal_run"] is None
    body = client.get(url(image)).json()
    assert body["marks"] == saved.json()["marks"]
    assert body["marks"][0] == stroke | {
        "geometry": {"points": [[1.5, 2.0], [30.0, 20.25]], "width": 4.0},
        "made_at": "2026-05-04T10:00:00+00:00",
    }


def test_others_are_shown_beside_mine(cast: Cast, image: Image) -> None:
    make_annotation(image, cast.cleo, marks=2)
    make_annotation(image, cast.ada, marks=0)
    body = client_for(cast.ben).get(url(image)).json()
    assert body["marks"] == [] and [(other["author"], len(other["marks"])) for other in body["others"]] == [("cleo", 2)]


def test_a_stale_save_is_answered_with_what_is_stored(cast: Cast, image: Image) -> None:
    client, mark = client_for(cast.ben), point()
    client.put(url(image), {"revision": 0, "marks": [mark]})
    answer = client.put(url(image), {"revision": 0, "marks": [point()]})
    assert answer.status_code == 409 and answer.json()["code"] == "stale_revision"
    stored = answer.json()["detail"]["annotation"]
    assert stored["revision"] == 1 and stored["marks"][0]["id"] == mark["id"]


def test_a_lost_answer_is_asked_for_again(cast: Cast, image: Image) -> None:
    body = {"revision": 0, "marks": [point()], "propose": "live_head"}
    first, second = (client_for(cast.ben).put(url(image), body) for _ in range(2))
    assert first.json() == second.json() and ProposalRun.objects.count() == 1


BAD_BODIES: list[Any] = [
    {},
    [],
    {"revision": 0},
    {"revision": -1, "marks": []},
    {"revision": "one", "marks": []},
    {"revision": 2**40, "marks": []},
    {"revision": 0, "marks": {}},
    {"revision": 0, "marks": "[]"},
    {"revision": 0, "marks": [], "author": 1},
    {"revision": 0, "marks": [], "deleted": ["x"]},
    {"revision": 0, "marks": [17]},
    {"revision": 0, "marks": [point(class_index=9)]},
    {"revision": 0, "marks": [point()], "propose": "nonsense"},
    {"revision": 0, "marks": [point(geometry={"x": "5", "y": 6})]},
    {"revision": 0, "marks": [point(geometry={"x": [[[]]], "y": 6})]},
]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_bad_body_is_refused_and_nothing_stored(cast: Cast, image: Image, body: Any) -> None:
    answer = client_for(cast.ben).put(url(image), body)
    assert answer.status_code == 400 and {"code", "message", "detail"} == set(answer.json())
    assert not Annotation.objects.exists()


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b'{"revision": 0, "marks": [NaN]}', b"[" * 3000])
def test_what_is_not_json_is_refused(cast: Cast, image: Image, raw: bytes) -> None:
    answer = client_for(cast.ben).put(url(image), data=raw, content_type="application/json")
    assert answer.status_code == 400 and not Annotation.objects.exists()


def test_saving_is_for_annotators_and_not_in_an_archived_project(cast: Cast, image: Image) -> None:
    body = {"revision": 0, "marks": [point()]}
    assert client_for(None).put(url(image), body).status_code == 401
    assert client_for(cast.dan).put(url(image), body).status_code == 404
    assert client_for(cast.vera).put(url(image), body).status_code == 403
    cast.project.is_archived = True
    cast.project.save()
    assert client_for(cast.ben).put(url(image), body).json()["code"] == "archived"
    assert client_for(cast.ben).post(url(image), body).status_code in {403, 405}
    assert not Mark.objects.exists()
