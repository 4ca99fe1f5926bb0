"""HTTP for images, leases, skip, reopen and the queue: the ladder, and one whole walk."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image as PILImage

from labeling import storage
from labeling.models import Image, Lease, ModelVersion
from labeling.services.features import store_features
from labeling.services.leases import take_lease
from tests.conftest import Cast, client_for
from tests.factories import (
    make_annotation,
    make_image,
    make_mask,
    make_prior,
    make_project,
    make_tiles,
    photo,
    picture_bytes,
)


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project, name="horses/one.png")


def test_a_list_row_has_what_the_grid_shows(cast: Cast, image: Image) -> None:
    make_annotation(image, cast.ben, marks=1)
    body = client_for(cast.vera).get(f"/api/v1/projects/{cast.project.pk}/images").json()
    (row,) = body["results"]
    assert body["next"] is None and body["previous"] is None
    assert row | {"created_at": ""} == {
        "id": image.pk,
        "name": "horses/one.png",
        "width": 48,
        "height": 40,
        "split": "train",
        "state": "marked",
        "thumb_url": f"/api/v1/images/{image.pk}/thumb",
        "accepted_mask": None,
        "score": None,
        "has_features": False,
        "created_at": "",
        "leased_by": None,
        "open_comments": 0,
    }


def test_pages_follow_a_cursor_and_filters_narrow(cast: Cast) -> None:
    for number in range(5):
        make_image(cast.project, name=f"p{number}.png", split="val" if number == 3 else "train")
    client, path = client_for(cast.ben), f"/api/v1/projects/{cast.project.pk}/images"
    first = client.get(path, {"limit": 3}).json()
    second = client.get(first["next"]).json()
    assert [row["name"] for row in first["results"] + second["results"]] == [f"p{n}.png" for n in (4, 3, 2, 1, 0)]
    assert [row["name"] for row in client.get(path, {"split": "val"}).json()["results"]] == ["p3.png"]
    assert [row["name"] for row in client.get(path, {"search": "P1", "state": ""}).json()["results"]] == ["p1.png"]
    assert client.get(path, {"state": "accepted"}).json()["results"] == []


@pytest.mark.parametrize(
    "query", [{"state": "done"}, {"split": "all"}, {"project__owner": 1}, {"state__in": "new"}, {"limit": "many"}]
)
def test_a_filter_that_is_not_known_is_refused(cast: Cast, query: dict[str, Any]) -> None:
    answer = client_for(cast.ben).get(f"/api/v1/projects/{cast.project.pk}/images", query)
    assert answer.status_code == 400 and answer.json()["code"] == "invalid"


def test_the_detail_names_its_files(cast: Cast, image: Image) -> None:
    mask = make_mask(image)
    Image.objects.filter(pk=image.pk).update(accepted_mask=mask, accepted_at=timezone.now())
    store_features(image=image, encoder="efficientnet_lite0", version=1, data=b"BFM1 feature bytes")
    client = client_for(cast.vera)
    body = client.get(f"/api/v1/images/{image.pk}").json()
    assert body["state"] == "accepted" and body["project_id"] == cast.project.pk
    assert body["accepted_mask"] == {"id": mask.pk, "sha256": mask.sha256, "url": f"/api/v1/masks/{mask.sha256}.png"}
    for url in (body["file_url"], body["thumb_url"], body["features"]["url"], body["accepted_mask"]["url"]):
        answer = client.get(url)
        assert answer.status_code == 200 and answer.content
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert client.get(body["file_url"]).content == storage.read(image.file)
    assert client.get(body["features"]["url"]).content == b"BFM1 feature bytes"
    assert body["features"]["version"] == 1
    assert body["features"]["sha256"] == hashlib.sha256(b"BFM1 feature bytes").hexdigest()


def test_a_large_picture_is_served_tile_by_tile(cast: Cast) -> None:
    rgb = photo(width=601, height=300)
    sizes: dict[str, Any] = {"width": 301, "height": 150, "mask_scale": 2, "full_width": 601, "full_height": 300}
    large = make_image(cast.project, tiles=make_tiles(rgb), **sizes)
    client = client_for(cast.vera)
    body = client.get(f"/api/v1/images/{large.pk}").json()
    assert {name: body[name] for name in sizes} == sizes
    tiles = body["tiles"]
    assert {name: tiles[name] for name in ("width", "height", "tile_size", "overlap", "max_level")} == {
        "width": 601, "height": 300, "tile_size": 256, "overlap": 1, "max_level": 2,
    }  # fmt: skip
    url = tiles["url"].format(level=2, column=2, row=1)
    answer = client.get(url)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert np.array_equal(np.asarray(PILImage.open(io.BytesIO(answer.content))), rgb[255:, 511:])
    assert client_for(cast.dan).get(url).status_code == 404


def test_tiles_that_do_not_exist_are_not_found(cast: Cast, image: Image) -> None:
    large = make_image(cast.project, tiles=make_tiles(photo()))
    client = client_for(cast.vera)
    url = client.get(f"/api/v1/images/{large.pk}").json()["tiles"]["url"]
    assert client.get(url.format(level=0, column=0, row=0)).status_code == 200
    for level, column, row in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (9**20, 0, 0)]:
        assert client.get(url.format(level=level, column=column, row=row)).status_code == 404
    sha256 = large.tiles.partition(".")[0][-64:]
    for other in (url.replace(sha256, "0" * 64), url.replace(f"/images/{large.pk}/", f"/images/{image.pk}/")):
        assert client.get(other.format(level=0, column=0, row=0)).status_code == 404
    assert client.get(f"/api/v1/images/{image.pk}").json()["tiles"] is None
    storage.delete(large.tiles)
    gone = client.get(url.format(level=0, column=0, row=0))
    assert gone.status_code == 404 and "restore" in gone.json()["message"]


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")  # the test client is synchronous
def test_the_original_is_a_download(cast: Cast, image: Image) -> None:
    answer: Any = client_for(cast.vera).get(f"/api/v1/images/{image.pk}/original")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="one.png"'
    assert b"".join(answer) == storage.read(image.original)


def test_features_that_do_not_exist_yet_are_not_found(cast: Cast, image: Image) -> None:
    client = client_for(cast.vera)
    assert client.get(f"/api/v1/images/{image.pk}").json()["features"] is None
    assert client.get(f"/api/v1/images/{image.pk}/features/{'0' * 64}").status_code == 404


def test_what_the_model_in_use_sees_is_named_and_served_under_its_hash(cast: Cast, image: Image) -> None:
    client = client_for(cast.vera)
    assert client.get(f"/api/v1/images/{image.pk}").json()["prior"] is None
    prior = make_prior(image)
    named = client.get(f"/api/v1/images/{image.pk}").json()["prior"]
    assert named["sha256"] == prior.sha256
    answer = client.get(named["url"])
    assert answer.content == storage.read(prior.blob)
    assert "immutable" in answer.headers["Cache-Control"]
    other = make_image(cast.project)
    assert client.get(f"/api/v1/images/{other.pk}/prior/{prior.sha256}").status_code == 404


@pytest.mark.parametrize("reason", ["withdrawn", "measures"])
def test_a_model_that_may_not_be_leant_on_says_nothing(cast: Cast, image: Image, reason: str) -> None:
    """Out of use, or on an image whose mask measures the model: there a person's word must not follow it."""
    prior = make_prior(image)
    if reason == "withdrawn":
        ModelVersion.objects.update(is_active=False)
    else:
        Image.objects.update(split="val")
    client = client_for(cast.vera)
    assert client.get(f"/api/v1/images/{image.pk}").json()["prior"] is None
    assert client.get(f"/api/v1/images/{image.pk}/prior/{prior.sha256}").status_code == 404


def test_features_are_served_under_their_own_hash_only(cast: Cast, image: Image) -> None:
    """An address that may be cached for good never comes to hold other bytes."""
    old = store_features(image=image, encoder="efficientnet_lite0", version=1, data=b"BFM1 old")
    new = store_features(image=image, encoder="efficientnet_lite0", version=2, data=b"BFM1 new")
    client = client_for(cast.vera)
    assert client.get(f"/api/v1/images/{image.pk}").json()["features"]["sha256"] == new.sha256
    assert client.get(f"/api/v1/images/{image.pk}/features/{old.sha256}").content == b"BFM1 old"
    other = make_image(cast.project)
    assert client.get(f"/api/v1/images/{other.pk}/features/{new.sha256}").status_code == 404


def test_a_file_that_is_gone_is_not_found(cast: Cast, image: Image) -> None:
    storage.delete(image.file)
    for name in ("file", "original"):
        assert client_for(cast.vera).get(f"/api/v1/images/{image.pk}/{name}").status_code == 404


READS = ["", "/file", "/thumb", "/original", "/history", "/annotation", "/proposals", "/masks"]
WRITES = [("post", "/lease"), ("delete", "/lease"), ("post", "/skip"), ("post", "/reopen"), ("delete", "")]


@pytest.mark.parametrize("path", READS)
def test_reads_are_for_members(cast: Cast, image: Image, path: str) -> None:
    url = f"/api/v1/images/{image.pk}{path}"
    assert client_for(cast.vera).get(url).status_code == 200
    assert client_for(cast.dan).get(url).status_code == 404
    assert client_for(None).get(url).status_code == 401
    assert client_for(cast.vera).get(f"/api/v1/images/999999{path}").status_code == 404
    assert client_for(cast.vera).patch(url, {}).status_code in {403, 405}


@pytest.mark.parametrize(("verb", "path"), WRITES)
def test_writes_are_not_for_viewers_or_strangers(cast: Cast, image: Image, verb: str, path: str) -> None:
    url, body = f"/api/v1/images/{image.pk}{path}", {"reason": "other"}
    assert getattr(client_for(cast.vera), verb)(url, body).status_code == 403
    assert getattr(client_for(cast.dan), verb)(url, body).status_code == 404
    assert getattr(client_for(None), verb)(url, body).status_code == 401
    image.refresh_from_db()
    assert image.skip_reason == "" and not Lease.objects.exists()


def test_an_image_is_leased_by_one_person(cast: Cast, image: Image) -> None:
    url = f"/api/v1/images/{image.pk}/lease"
    taken = client_for(cast.ben).post(url)
    assert taken.status_code == 200 and taken.json()["heartbeat_s"] == 30
    refused = client_for(cast.cleo).post(url)
    assert refused.status_code == 409 and refused.json()["code"] == "leased"
    assert refused.json()["detail"]["username"] == "ben"
    assert client_for(cast.cleo).delete(url).status_code == 204 and Lease.objects.exists()
    assert client_for(cast.ben).delete(url).status_code == 204 and not Lease.objects.exists()


def test_skip_then_reopen(cast: Cast, image: Image) -> None:
    client = client_for(cast.ben)
    skipped = client.post(f"/api/v1/images/{image.pk}/skip", {"reason": "too_hard", "comment": "fog"}).json()
    assert (skipped["state"], skipped["skip_reason"]) == ("skipped", "too_hard")
    assert client.post(f"/api/v1/images/{image.pk}/skip", {"reason": "other"}).status_code == 409
    reopened = client.post(f"/api/v1/images/{image.pk}/reopen").json()
    assert (reopened["state"], reopened["start_mask"]) == ("new", None)
    assert client.post(f"/api/v1/images/{image.pk}/reopen").json()["code"] == "stale_state"


@pytest.mark.parametrize(
    "body", [{}, {"reason": "bored"}, {"reason": "other", "by": 3}, {"reason": "other"} | {"comment": "x" * 501}]
)
def test_a_bad_skip_changes_nothing(cast: Cast, image: Image, body: dict[str, Any]) -> None:
    answer = client_for(cast.ben).post(f"/api/v1/images/{image.pk}/skip", body)
    image.refresh_from_db()
    assert answer.status_code == 400 and image.skip_reason == ""


def test_the_history_is_newest_first(cast: Cast, image: Image) -> None:
    client = client_for(cast.ben)
    client.post(f"/api/v1/images/{image.pk}/skip", {"reason": "other"})
    client.post(f"/api/v1/images/{image.pk}/reopen")
    rows = client.get(f"/api/v1/images/{image.pk}/history").json()["results"]
    assert [row["verb"] for row in rows] == ["image.reopened", "image.skipped"]
    assert rows[0]["actor"] == {"id": cast.ben.pk, "username": "ben"}


def test_one_image_is_added_and_a_second_copy_is_known(cast: Cast) -> None:
    client, url = client_for(cast.ada), f"/api/v1/projects/{cast.project.pk}/images"
    data = picture_bytes(photo(seed=5))

    def post(content: bytes) -> Any:
        return client.post(url, {"file": SimpleUploadedFile("a.png", content)}, format="multipart")

    first, second = post(data), post(data)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["duplicate"] is True and first.json()["id"] == second.json()["id"]
    refused = post(b"not a picture")
    assert refused.status_code == 400
    assert Image.objects.count() == 1


def test_the_owner_deletes_an_image(cast: Cast, image: Image) -> None:
    assert client_for(cast.ben).delete(f"/api/v1/images/{image.pk}").status_code == 403
    assert client_for(cast.ada).delete(f"/api/v1/images/{image.pk}").status_code == 204
    assert not Image.objects.exists()


def test_the_queue_is_looked_at_without_a_lease_and_taken_with_one(cast: Cast) -> None:
    images = [make_image(cast.project, order_key=key) for key in (0.1, 0.2, 0.3)]
    client, url = client_for(cast.ben), f"/api/v1/projects/{cast.project.pk}/queue"
    peek = client.get(url, {"limit": 2}).json()["results"]
    assert [row["id"] for row in peek] == [images[0].pk, images[1].pk] and not Lease.objects.exists()
    taken = client.post(f"{url}/next", {}).json()
    assert (taken["image"]["id"], taken["remaining"], taken["order"]) == (images[0].pk, 2, "cold_start")
    assert taken["image"]["leased_by"] == "ben" and taken["image"]["file_url"]
    after = client.post(f"{url}/next", {"exclude": [images[0].pk]}).json()["image"]["id"]
    assert after == images[1].pk
    ids = f"{images[0].pk},{images[1].pk}"
    assert [row["id"] for row in client.get(url, {"exclude": ids}).json()["results"]] == [images[2].pk]


def test_an_empty_queue_and_the_recent_images(cast: Cast, image: Image) -> None:
    client, url = client_for(cast.ben), f"/api/v1/projects/{cast.project.pk}/queue"
    client.post(f"/api/v1/images/{image.pk}/skip", {"reason": "other"})
    assert client.post(f"{url}/next", {}).json() == {"image": None, "remaining": 0, "order": "cold_start"}
    assert [row["id"] for row in client.get(f"{url}/recent").json()["results"]] == [image.pk]
    assert client_for(cast.cleo).get(f"{url}/recent").json()["results"] == []


@pytest.mark.parametrize("exclude", ["1;2", "a", "1,,2", "9" * 30])
def test_a_bad_exclusion_is_refused(cast: Cast, exclude: str) -> None:
    client, url = client_for(cast.ben), f"/api/v1/projects/{cast.project.pk}/queue"
    assert client.get(url, {"exclude": exclude}).status_code == 400
    assert client.post(f"{url}/next", {"exclude": exclude}).status_code == 400


def test_the_queue_is_for_members_and_taking_for_annotators(cast: Cast, image: Image) -> None:
    url = f"/api/v1/projects/{cast.project.pk}/queue"
    assert client_for(cast.vera).get(url).status_code == 200
    assert client_for(cast.vera).post(f"{url}/next", {}).status_code == 403
    for path in ("", "/recent"):
        assert client_for(cast.dan).get(url + path).status_code == 404
    assert client_for(cast.dan).post(f"{url}/next", {}).status_code == 404
    assert not Lease.objects.exists()


def test_images_of_another_project_never_show(cast: Cast, image: Image) -> None:
    other = make_project(owner=cast.ben)
    take_lease(image=image, user=cast.ben)
    assert client_for(cast.ben).get(f"/api/v1/projects/{other.pk}/images").json()["results"] == []
    assert client_for(cast.ben).post(f"/api/v1/projects/{other.pk}/queue/next", {}).json()["image"] is None
