"""HTTP for checking class by class; roles are in the route walk, rules in the service's tests."""

from __future__ import annotations

import io

import pytest
from PIL import Image as PILImage

from labeling import storage
from labeling.models import ClassCheck, Proposal
from tests.conftest import Cast, client_for
from tests.factories import make_image, make_mask, make_model_proposal, make_version


@pytest.fixture
def proposal(cast: Cast) -> Proposal:
    image = make_image(cast.project, name="horses/one.png")
    version = make_version(cast.project, is_active=True)
    mask = make_mask(image, origin="polished", model_version=version)
    return make_model_proposal(image, version, mask=mask, uncertainty=0.25)


def crops(cast: Cast, query: str = "") -> str:
    return f"/api/v1/classes/{cast.project.classes.get(index=1).pk}/crops{query}"


def test_a_crop_is_listed_looked_at_and_confirmed(cast: Cast, proposal: Proposal) -> None:
    ben = client_for(cast.ben)
    ground, one = cast.project.classes.order_by("index")
    assert ben.get(f"/api/v1/projects/{cast.project.pk}/class-checks").json() == {
        "classes": [
            {"id": ground.pk, "index": 0, "name": "class 0", "color": "#007755", "num_left": 0, "num_checked": 0},
            {"id": one.pk, "index": 1, "name": "class 1", "color": "#287755", "num_left": 1, "num_checked": 0},
        ]
    }
    body = ben.get(crops(cast)).json()
    (row,) = body["results"]
    assert body["next"] is None
    assert row | {"url": ""} == {
        "proposal": proposal.pk,
        "image": {"id": proposal.image_id, "name": "horses/one.png"},
        "url": "",
        "uncertainty": 0.25,
        "share": 0.25,
        "left": [1],
    }
    answer = ben.get(row["url"])
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    with PILImage.open(io.BytesIO(answer.content)) as crop:
        assert crop.size == (180, 156)
    sent = ben.post(f"/api/v1/classes/{one.pk}/checks", {"verdict": "right", "proposals": [proposal.pk]}, format="json")
    assert sent.json() == {"results": [{"proposal": proposal.pk, "outcome": "accepted"}]}
    assert ben.get(f"/api/v1/images/{proposal.image_id}").json()["state"] == "accepted"
    assert ben.get(crops(cast)).json()["results"] == []


def test_an_address_that_is_not_the_crops_own_finds_nothing(cast: Cast, proposal: Proposal) -> None:
    ben = client_for(cast.ben)
    (row,) = ben.get(crops(cast)).json()["results"]
    own, _, version = row["url"].partition("?v=")
    for url in (own, f"{own}?v=0", f"{own[:-1]}0?v={version}", f"{own[:-1]}9?v={version}"):
        assert ben.get(url).status_code == 404, url
    assert client_for(cast.dan).get(row["url"]).status_code == 404
    storage.delete(proposal.mask.blob)
    assert ben.get(row["url"]).status_code == 404


def test_a_proposal_that_may_not_be_seen_yet_has_no_crop(cast: Cast, proposal: Proposal) -> None:
    (row,) = client_for(cast.ben).get(crops(cast)).json()["results"]
    proposal.image.split = "test"
    proposal.image.save()
    assert client_for(cast.ada).get(row["url"]).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verdict": "maybe", "proposals": [1]},
        {"verdict": "right", "proposals": []},
        {"verdict": "right", "proposals": [0]},
        {"verdict": "right", "proposals": list(range(1, 102))},
        {"verdict": "right", "proposals": [1], "by": 3},
    ],
)
def test_a_wrong_body_is_refused_and_nothing_is_kept(cast: Cast, proposal: Proposal, body: dict[str, object]) -> None:
    url = f"/api/v1/classes/{cast.project.classes.get(index=1).pk}/checks"
    answer = client_for(cast.ben).post(url, body, format="json")
    assert answer.status_code == 400 and set(answer.json()) == {"code", "message", "detail"}
    proposal.refresh_from_db()
    assert proposal.status == "pending" and not ClassCheck.objects.exists()


@pytest.mark.parametrize("query", ["?order=name", "?after=99999", "?limit=101", "?checked=maybe", "?class=1"])
def test_a_query_nobody_understands_is_refused(cast: Cast, query: str) -> None:
    assert client_for(cast.ben).get(crops(cast, query)).status_code == 400


def test_a_class_the_mask_does_not_claim_is_refused(cast: Cast, proposal: Proposal) -> None:
    url = f"/api/v1/classes/{cast.project.classes.get(index=0).pk}/checks"
    answer = client_for(cast.ben).post(url, {"verdict": "wrong", "proposals": [proposal.pk]}, format="json")
    assert answer.status_code == 400
    proposal.refresh_from_db()
    assert proposal.status == "pending" and not ClassCheck.objects.exists()
