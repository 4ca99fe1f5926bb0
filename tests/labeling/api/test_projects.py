"""Projects, classes, members and the session over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from labeling.models import LabelClass, Membership, Project
from tests.conftest import Cast, client_for
from tests.factories import PASSWORD, make_class, make_image, make_version


def test_the_creator_owns_the_new_project(cast: Cast) -> None:
    response = client_for(cast.dan).post("/api/v1/projects", {"name": "  Galaxies "})
    assert response.status_code == 201
    body = response.json()
    assert (body["name"], body["role"], body["slug"]) == ("Galaxies", "owner", "galaxies")
    twin = client_for(cast.dan).post("/api/v1/projects", {"name": "Galaxies"}).json()
    assert twin["slug"] == "galaxies-2"


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "x" * 121}, {"name": "a", "owner": 1}, {"name": ["a"]}, []]
)
def test_a_bad_project_is_refused(cast: Cast, body: object) -> None:
    before = Project.objects.count()
    response = client_for(cast.dan).post("/api/v1/projects", body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert Project.objects.count() == before


def test_lists_show_only_ones_own_and_cost_a_fixed_number_of_queries(
    cast: Cast, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    client = client_for(cast.ben)
    for number in range(5):
        client.post("/api/v1/projects", {"name": f"P{number}"})
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        names = [row["name"] for row in client.get("/api/v1/projects").json()["results"]]
    assert names == ["P4", "P3", "P2", "P1", "P0", cast.project.name]
    assert client_for(cast.dan).get("/api/v1/projects").json()["results"] == []


def test_guidelines_are_shown_without_anything_that_runs(cast: Cast) -> None:
    text = "# Edges\n<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)> **bold**"
    html = (
        client_for(cast.ada)
        .patch(f"/api/v1/projects/{cast.project.pk}", {"guidelines": text})
        .json()["guidelines_html"]
    )
    assert "<strong>bold</strong>" in html and "<h1>Edges</h1>" in html
    assert not any(word in html for word in ("<script", "javascript:", "<img", "onerror"))


@pytest.mark.parametrize(
    "values",
    [{"random_share": 2}, {"random_share": "0.5"}, {"colour": "red"}, {"retrain_after": 0},
     {"acquisition": "__class__"}, {"review_required": 1}, {"random_share": True}],
)  # fmt: skip
def test_bad_settings_change_nothing(cast: Cast, values: dict[str, object]) -> None:
    response = client_for(cast.ada).patch(f"/api/v1/projects/{cast.project.pk}", {"settings": values})
    assert response.status_code == 400
    cast.project.refresh_from_db()
    assert cast.project.settings_json == {}


def test_settings_change_one_by_one(cast: Cast) -> None:
    client = client_for(cast.ada)
    client.patch(f"/api/v1/projects/{cast.project.pk}", {"settings": {"review_required": True}})
    body = client.patch(f"/api/v1/projects/{cast.project.pk}", {"settings": {"random_share": 0.25}}).json()
    assert body["settings"]["review_required"] is True and body["settings"]["random_share"] == 0.25


def test_a_class_gets_the_next_index_even_after_retiring(cast: Cast) -> None:
    client = client_for(cast.ada)
    url = f"/api/v1/projects/{cast.project.pk}/classes"
    made = client.post(url, {"name": "vessel"}).json()
    assert made["index"] == 2
    client.patch(f"/api/v1/classes/{made['id']}", {"is_retired": True})
    assert client.post(url, {"name": "nerve"}).json()["index"] == 3


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "class 1"}, 409, "class_exists"),
        ({"name": "x", "is_background": True}, 409, "background_exists"),
        ({"name": "x", "color": "red"}, 400, "invalid"),
        ({"name": "x", "color": "#12345g"}, 400, "invalid"),
        ({"name": "  "}, 400, "invalid"),
        ({"name": "x", "index": 7}, 400, "invalid"),
    ],
)
def test_a_bad_class_is_refused(cast: Cast, body: dict[str, object], status: int, code: str) -> None:
    response = client_for(cast.ada).post(f"/api/v1/projects/{cast.project.pk}/classes", body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert LabelClass.objects.filter(project=cast.project).count() == 2


def test_the_255th_class_is_refused(cast: Cast) -> None:
    make_class(cast.project, index=253)
    response = client_for(cast.ada).post(f"/api/v1/projects/{cast.project.pk}/classes", {"name": "one too many"})
    assert response.status_code == 400


def test_the_last_owner_stays(cast: Cast) -> None:
    client = client_for(cast.ada)
    own = Membership.objects.get(user=cast.ada)
    assert client.delete(f"/api/v1/members/{own.pk}").json()["code"] == "last_owner"
    assert client.patch(f"/api/v1/members/{own.pk}", {"role": "viewer"}).json()["code"] == "last_owner"
    second = Membership.objects.get(user=cast.cleo)
    assert client.patch(f"/api/v1/members/{second.pk}", {"role": "owner"}).status_code == 200
    assert client.delete(f"/api/v1/members/{own.pk}").status_code == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [({"username": "nobody", "role": "viewer"}, 404), ({"username": "ben", "role": "viewer"}, 409),
     ({"username": "dan", "role": "boss"}, 400), ({"username": "'; --", "role": "viewer"}, 404)],
)  # fmt: skip
def test_a_bad_member_is_refused(cast: Cast, body: dict[str, str], status: int) -> None:
    response = client_for(cast.ada).post(f"/api/v1/projects/{cast.project.pk}/members", body)
    assert response.status_code == status
    assert cast.project.memberships.count() == 4


def test_an_archived_project_is_read_only_until_brought_back(cast: Cast) -> None:
    owner = client_for(cast.ada)
    owner.patch(f"/api/v1/projects/{cast.project.pk}", {"is_archived": True})
    asked = client_for(cast.ben).post(f"/api/v1/projects/{cast.project.pk}/queue/next", {})
    assert (asked.status_code, asked.json()["code"]) == (403, "archived")
    assert client_for(cast.ben).get(f"/api/v1/projects/{cast.project.pk}").status_code == 200
    image, row, version = make_image(cast.project), cast.project.classes.get(index=1), make_version(cast.project)
    refused = [
        owner.post(f"/api/v1/projects/{cast.project.pk}/classes", {"name": "cat"}),
        owner.patch(f"/api/v1/classes/{row.pk}", {"name": "cat"}),
        owner.post(f"/api/v1/projects/{cast.project.pk}/uploads", {"name": "a.png", "size": 9}),
        owner.post(f"/api/v1/projects/{cast.project.pk}/imports", {"uploads": []}),
        owner.post(f"/api/v1/projects/{cast.project.pk}/images", {}, format="multipart"),
        owner.delete(f"/api/v1/images/{image.pk}"),
        owner.post(f"/api/v1/projects/{cast.project.pk}/training-runs", {"method": "seeded_segmentation"}),
        owner.post(f"/api/v1/model-versions/{version.pk}/activate", {}),
        client_for(cast.root).post(f"/api/v1/projects/{cast.project.pk}/classes", {"name": "cat"}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "archived")] * len(refused)
    assert owner.get(f"/api/v1/projects/{cast.project.pk}/exports").status_code == 200
    assert owner.patch(f"/api/v1/projects/{cast.project.pk}", {"is_archived": False}).json()["is_archived"] is False


def test_events_are_numbered_without_gaps_and_can_be_caught_up(cast: Cast) -> None:
    client = client_for(cast.ada)
    for name in "abc":
        client.post(f"/api/v1/projects/{cast.project.pk}/classes", {"name": name})
    body = client.get(f"/api/v1/projects/{cast.project.pk}/events?after=1").json()
    assert [row["seq"] for row in body["results"]] == [2, 3] and body["seq"] == 3
    assert client.get(f"/api/v1/projects/{cast.project.pk}/events?after=-1").status_code == 400
    assert client.get(f"/api/v1/projects/{cast.project.pk}/events?__project=1").status_code == 400


class TestSession:
    def sign_in(self, client: APIClient, password: str = PASSWORD, **extra: str) -> int:
        return client.post("/api/v1/session", {"username": "ada", "password": password}, **extra).status_code  # type: ignore[arg-type]

    @pytest.fixture(autouse=True)
    def no_attempts_yet(self) -> None:
        cache.clear()

    def test_sign_in_see_who_one_is_and_sign_out(self, cast: Cast) -> None:
        client = APIClient()
        assert client.get("/api/v1/session").json()["user"] is None
        assert self.sign_in(client) == 200
        assert client.get("/api/v1/session").json()["user"]["username"] == "ada"
        assert client.delete("/api/v1/session").status_code == 204
        assert client.get("/api/v1/projects").status_code == 401

    def test_sign_in_without_the_csrf_token_is_refused(self, cast: Cast) -> None:
        client = APIClient(enforce_csrf_checks=True)
        assert self.sign_in(client) == 403
        refusal = client.post("/api/v1/session", {"username": "ada", "password": PASSWORD})
        assert set(refusal.json()) == {"code", "message", "detail"}, "the one shape of every refusal"
        token = client.get("/api/v1/session").json()["csrf_token"]
        assert self.sign_in(client, HTTP_X_CSRFTOKEN=token) == 200

    def test_guessing_is_slowed_down_for_that_name_only(self, cast: Cast) -> None:
        client = APIClient()
        assert [self.sign_in(client, "wrong") for _ in range(10)] == [400] * 10
        assert self.sign_in(client) == 429
        other = client.post("/api/v1/session", {"username": "ben", "password": PASSWORD})
        assert other.status_code == 200

    def test_without_redis_people_still_get_in(self, cast: Cast, settings: Any) -> None:
        away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nowhere/redis.sock"}
        settings.CACHES = {"default": away}
        assert self.sign_in(APIClient()) == 200
