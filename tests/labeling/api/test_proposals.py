"""HTTP for proposals, masks and reviews."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labeling import provenance, storage
from labeling.models import Image, Mask, Proposal, ProposalRun
from models_zoo import decode_png, encode_png
from tests.conftest import Cast, client_for
from tests.factories import (
    make_annotation,
    make_image,
    make_interactive_proposal,
    make_mask,
    make_model_proposal,
    make_version,
)


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project)


@pytest.fixture
def proposal(cast: Cast, image: Image) -> Proposal:
    return make_interactive_proposal(make_annotation(image, cast.ben, marks=1))


def send_mask(cast: Cast, image: Image, data: bytes, query: str = "", content_type: str = "image/png") -> Any:
    return client_for(cast.ben).post(f"/api/v1/images/{image.pk}/masks{query}", data=data, content_type=content_type)


def test_a_row_tells_all_there_is(cast: Cast, image: Image, proposal: Proposal) -> None:
    (row,) = client_for(cast.vera).get(f"/api/v1/images/{image.pk}/proposals").json()["results"]
    assert row["mask"]["url"] == f"/api/v1/masks/{proposal.mask.sha256}.png"
    assert (row["status"], row["source"], row["method"], row["source_revision"]) == (
        "pending",
        "interactive",
        "live_head",
        1,
    )
    assert row["model_version"] is None and row["uncertainty_url"] is None and row["decided_by"] is None


def test_where_its_pixels_come_from_can_be_read_by_members(cast: Cast, image: Image, proposal: Proposal) -> None:
    url = f"/api/v1/proposals/{proposal.pk}/provenance"
    assert client_for(cast.vera).get(url).status_code == 404
    source = np.full((image.height, image.width), provenance.POLISHER, np.uint8)
    blob = storage.put("provenance", provenance.encode(source), suffix="png").name
    Mask.objects.filter(pk=proposal.mask.pk).update(provenance=blob)
    (row,) = client_for(cast.vera).get(f"/api/v1/images/{image.pk}/proposals").json()["results"]
    assert row["provenance_url"] == url
    answer = client_for(cast.vera).get(url)
    assert (decode_png(answer.content) == provenance.POLISHER).all()
    assert client_for(cast.dan).get(url).status_code == 404 and client_for(None).get(url).status_code == 401


def test_asking_for_one_makes_a_run(cast: Cast, image: Image) -> None:
    make_annotation(image, cast.ben, marks=1, revision=3)
    url, client = f"/api/v1/images/{image.pk}/proposals", client_for(cast.ben)
    answer = client.post(url, {"method": "live_head", "revision": 3})
    assert answer.status_code == 202 and answer.json() == {"proposal_run": ProposalRun.objects.get().pk}
    assert client.post(url, {"method": "live_head", "revision": 2}).json()["code"] == "stale_revision"
    assert client.post(url, {"method": "magic", "revision": 3}).json()["code"] == "unknown_method"
    assert client.post(url, {"method": "live_head"}).status_code == 400
    assert client_for(cast.cleo).post(url, {"method": "live_head", "revision": 3}).status_code == 409
    assert ProposalRun.objects.count() == 1


def test_without_marks_there_is_nothing_to_ask(cast: Cast, image: Image) -> None:
    make_annotation(image, cast.ben)
    answer = client_for(cast.ben).post(f"/api/v1/images/{image.pk}/proposals", {"method": "live_head", "revision": 1})
    assert answer.status_code == 400 and answer.json()["code"] == "no_marks"


def test_accepting_answers_with_the_image_and_only_once(cast: Cast, image: Image, proposal: Proposal) -> None:
    url, body = f"/api/v1/proposals/{proposal.pk}/accept", {"mask_sha256": proposal.mask.sha256}
    answer = client_for(cast.ben).post(url, body)
    assert answer.status_code == 200 and answer.json()["state"] == "accepted"
    assert answer.json()["accepted_mask"]["sha256"] == proposal.mask.sha256
    again = client_for(cast.ben).post(url, body)
    assert again.status_code == 409 and again.json()["code"] == "stale_state"


@pytest.mark.parametrize("sha256", ["", "0", "g" * 64, "A" * 64, 7, None])
def test_a_hash_that_is_none_is_refused(cast: Cast, image: Image, proposal: Proposal, sha256: Any) -> None:
    for url in (f"/api/v1/proposals/{proposal.pk}/accept", f"/api/v1/images/{image.pk}/accept"):
        assert client_for(cast.ben).post(url, {"mask_sha256": sha256}).status_code == 400
    proposal.refresh_from_db()
    assert proposal.status == "pending"


def test_a_mask_that_was_never_sent_is_unknown(cast: Cast, proposal: Proposal) -> None:
    answer = client_for(cast.ben).post(f"/api/v1/proposals/{proposal.pk}/accept", {"mask_sha256": "0" * 64})
    assert answer.status_code == 409 and answer.json()["code"] == "mask_unknown"


def test_rejecting_leaves_the_marks(cast: Cast, image: Image, proposal: Proposal) -> None:
    answer = client_for(cast.ben).post(f"/api/v1/proposals/{proposal.pk}/reject", {"reason": "leaks"})
    assert answer.json()["status"] == "rejected" and answer.json()["decided_by"] == "ben"
    body = client_for(cast.ben).get(f"/api/v1/images/{image.pk}").json()
    assert body["state"] == "marked" and body["accepted_mask"] is None


def test_deciding_is_for_annotators(cast: Cast, image: Image, proposal: Proposal) -> None:
    body = {"mask_sha256": proposal.mask.sha256}
    for path in (f"proposals/{proposal.pk}/accept", f"images/{image.pk}/accept"):
        assert client_for(None).post(f"/api/v1/{path}", body).status_code == 401
        assert client_for(cast.dan).post(f"/api/v1/{path}", body).status_code == 404
        assert client_for(cast.vera).post(f"/api/v1/{path}", body).status_code == 403
    assert client_for(cast.dan).post(f"/api/v1/proposals/{proposal.pk}/reject", {}).status_code == 404
    assert client_for(cast.ben).get(f"/api/v1/proposals/{proposal.pk}/accept").status_code == 405
    assert client_for(cast.ben).post("/api/v1/proposals/999999/accept", body).status_code == 404
    image.refresh_from_db()
    proposal.refresh_from_db()
    assert image.accepted_mask is None and proposal.status == "pending"


def test_a_hidden_proposal_is_not_found_by_its_id(cast: Cast) -> None:
    image = make_image(cast.project, split="test")
    blob = storage.put("uncertainty", encode_png(np.zeros((40, 48), np.uint8)), suffix="png")
    hidden = make_model_proposal(image, make_version(cast.project, is_active=True), uncertainty_blob=blob.name)
    client = client_for(cast.ben)
    body = {"mask_sha256": hidden.mask.sha256}
    assert client.post(f"/api/v1/proposals/{hidden.pk}/accept", body).status_code == 404
    assert client.get(f"/api/v1/proposals/{hidden.pk}/uncertainty").status_code == 404
    make_annotation(image, cast.ben, marks=1)
    assert client.get(f"/api/v1/proposals/{hidden.pk}/uncertainty").headers["Content-Type"] == "image/png"
    assert client.post(f"/api/v1/proposals/{hidden.pk}/accept", body).status_code == 200


def test_a_painted_mask_is_sent_read_and_accepted(cast: Cast, image: Image, proposal: Proposal) -> None:
    label_map = np.zeros((40, 48), np.uint8)
    label_map[3:9] = 1
    sent = send_mask(cast, image, encode_png(label_map), "?origin=painted")
    assert sent.status_code == 201 and set(sent.json()) == {"id", "sha256", "url"}
    client = client_for(cast.ben)
    assert client.get(sent.json()["url"]).content == encode_png(label_map)
    accepted = client.post(f"/api/v1/images/{image.pk}/accept", {"mask_sha256": sent.json()["sha256"]}).json()
    assert accepted["accepted_mask"]["id"] == sent.json()["id"]
    rows = client.get(f"/api/v1/images/{image.pk}/masks").json()["results"]
    assert [(row["origin"], row["is_accepted"]) for row in rows] == [("painted", True), ("interactive", False)]
    assert rows[0]["pixel_counts"] == {"0": 1632, "1": 288} and rows[0]["created_by"] == "ben"
    proposal.refresh_from_db()
    assert proposal.status == "superseded"


def test_a_mask_stays_known_as_once_accepted_when_the_image_is_opened_again(
    cast: Cast, image: Image, proposal: Proposal
) -> None:
    sent = send_mask(cast, image, encode_png(np.zeros((40, 48), np.uint8)), "?origin=painted").json()
    client = client_for(cast.ben)
    client.post(f"/api/v1/images/{image.pk}/accept", {"mask_sha256": sent["sha256"]})
    assert client.post(f"/api/v1/images/{image.pk}/reopen", {}).status_code == 200
    rows = client.get(f"/api/v1/images/{image.pk}/masks").json()["results"]
    known = {row["id"]: (row["is_accepted"], row["was_accepted"]) for row in rows}
    assert known == {sent["id"]: (False, True), proposal.mask.pk: (False, False)}


def test_an_edit_names_its_parent(cast: Cast, image: Image, proposal: Proposal) -> None:
    data = encode_png(np.ones((40, 48), np.uint8))
    sent = send_mask(cast, image, data, f"?origin=edited&parent={proposal.mask.pk}")
    assert sent.status_code == 201
    assert Mask.objects.get(pk=sent.json()["id"]).parent == proposal.mask
    elsewhere = make_mask(make_image(cast.project))
    for query in ("?origin=edited", f"?origin=edited&parent={elsewhere.pk}", "?parent=0", "?origin=model", "?size=3"):
        assert send_mask(cast, image, data, query).status_code == 400
    assert Mask.objects.filter(origin="edited").count() == 1


def test_a_hostile_mask_is_refused(cast: Cast, image: Image, settings: Any) -> None:
    for data, content_type in (
        (b"", "image/png"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "image/png"),
        (b'{"png": "x"}', "application/json"),
        (b"[]", "application/json"),
    ):
        answer = send_mask(cast, image, data, content_type=content_type)
        assert answer.status_code == 400 and answer.json()["code"] == "bad_mask"
    assert send_mask(cast, image, b"GIF89a", content_type="image/gif").status_code == 415
    settings.MAX_MASK_BYTES = 100
    assert send_mask(cast, image, b"\0" * 101).json()["code"] == "bad_mask"
    assert not Mask.objects.exists()


def test_masks_are_for_members(cast: Cast, image: Image) -> None:
    mask = make_mask(image)
    url = f"/api/v1/masks/{mask.sha256}.png"
    assert client_for(cast.vera).get(url).status_code == 200
    assert client_for(cast.dan).get(url).status_code == 404
    assert client_for(None).get(url).status_code == 401
    assert client_for(cast.vera).get(f"/api/v1/masks/{'0' * 64}.png").status_code == 404
    assert client_for(cast.vera).get("/api/v1/masks/..%2f..%2fdb.png").status_code == 404
    data = encode_png(np.zeros((40, 48), np.uint8))
    assert (
        client_for(cast.vera).post(f"/api/v1/images/{image.pk}/masks", data=data, content_type="image/png").status_code
        == 403
    )
    assert Mask.objects.count() == 1


def test_a_reviewer_sends_a_mask_back(cast: Cast, image: Image) -> None:
    mask = make_mask(image)
    client_for(cast.ben).post(f"/api/v1/images/{image.pk}/accept", {"mask_sha256": mask.sha256})
    url, body = f"/api/v1/masks/{mask.pk}/reviews", {"verdict": "changes_requested", "comment": "the tail"}
    assert client_for(cast.ben).post(url, body).status_code == 403
    assert client_for(cast.dan).post(url, body).status_code == 404
    assert client_for(cast.dan).get(url).status_code == 404
    assert client_for(cast.cleo).post(url, {"verdict": "maybe"}).status_code == 400
    answer = client_for(cast.cleo).post(url, body)
    assert answer.status_code == 201 and answer.json()["reviewer"] == "cleo"
    assert client_for(cast.vera).get(url).json()["results"][0]["comment"] == "the tail"
    assert client_for(cast.ben).get(f"/api/v1/images/{image.pk}").json()["state"] == "changes_requested"
    assert client_for(cast.cleo).post(url, body).json()["code"] == "stale_state"


def test_reopening_gives_the_mask_to_start_from(cast: Cast, image: Image) -> None:
    mask = make_mask(image)
    client = client_for(cast.ben)
    client.post(f"/api/v1/images/{image.pk}/accept", {"mask_sha256": mask.sha256})
    body = client.post(f"/api/v1/images/{image.pk}/reopen").json()
    assert body["start_mask"] == {"id": mask.pk, "sha256": mask.sha256, "url": f"/api/v1/masks/{mask.sha256}.png"}
    assert body["accepted_mask"] is None and body["state"] == "new"
