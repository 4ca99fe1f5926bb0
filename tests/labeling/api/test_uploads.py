"""Uploads over HTTP: chunks arrive in order, once, and resume after any interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labeling.errors import NotFound
from labeling.models import Upload
from labeling.services import uploads
from tests.conftest import Cast, client_for
from tests.factories import photo, picture_bytes


def announce(cast: Cast, name: str = "a.png", size: int = 10) -> Any:
    return client_for(cast.ada).post(f"/api/v1/projects/{cast.project.pk}/uploads", {"name": name, "size": size})


def send(cast: Cast, upload_id: str, offset: int | str, data: bytes) -> Any:
    return client_for(cast.ada).patch(
        f"/api/v1/uploads/{upload_id}",
        data=data,
        content_type="application/octet-stream",
        headers={"Upload-Offset": str(offset)},
    )


def test_a_file_arrives_in_chunks(cast: Cast) -> None:
    made = announce(cast)
    assert made.status_code == 201
    row = made.json()
    assert (row["received"], row["status"], row["size"]) == (0, "open", 10) and row["chunk_bytes"] > 0
    assert send(cast, row["id"], 0, b"01234").json()["received"] == 5
    done = send(cast, row["id"], 5, b"56789").json()
    assert (done["received"], done["status"]) == (10, "complete")
    assert uploads.upload_path(row["id"]).read_bytes() == b"0123456789"


def test_a_wrong_offset_tells_where_to_go_on_and_changes_nothing(cast: Cast) -> None:
    upload_id = announce(cast).json()["id"]
    send(cast, upload_id, 0, b"01234")
    for offset in (0, 3, 7):
        refused = send(cast, upload_id, offset, b"xx")
        assert refused.status_code == 409
        assert (refused.json()["code"], refused.json()["detail"]) == ("offset_mismatch", {"received": 5})
    assert uploads.upload_path(upload_id).read_bytes()[:5] == b"01234"
    assert client_for(cast.ada).get(f"/api/v1/uploads/{upload_id}").json()["received"] == 5


def test_bytes_that_were_written_but_not_acknowledged_are_sent_again(cast: Cast) -> None:
    upload_id = announce(cast).json()["id"]
    path = uploads.upload_path(upload_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half a chunk, and then the power went")
    assert send(cast, upload_id, 0, b"0123456789").json()["status"] == "complete"
    assert path.read_bytes()[:10] == b"0123456789"


def test_a_leftover_tail_does_not_get_into_the_file(cast: Cast) -> None:
    upload_id = announce(cast).json()["id"]
    path = uploads.upload_path(upload_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 50)
    send(cast, upload_id, 0, b"0123456789")
    assert path.read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    ("offset", "data", "code"),
    [
        (0, b"01234567890", "too_large"),
        (0, b"", "empty_chunk"),
        ("-1", b"x", "bad_offset"),
        ("", b"x", "bad_offset"),
        ("1e3", b"x", "bad_offset"),
    ],
)
def test_bad_chunks_are_refused(cast: Cast, offset: int | str, data: bytes, code: str) -> None:
    upload_id = announce(cast).json()["id"]
    refused = send(cast, upload_id, offset, data)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert Upload.objects.get().received == 0


def test_a_chunk_larger_than_agreed_is_refused(cast: Cast, settings: Any) -> None:
    settings.UPLOAD_CHUNK_BYTES = 4
    upload_id = announce(cast).json()["id"]
    assert send(cast, upload_id, 0, b"01234").json()["code"] == "chunk_too_large"


def test_a_complete_upload_takes_no_more(cast: Cast) -> None:
    upload_id = announce(cast, size=3).json()["id"]
    send(cast, upload_id, 0, b"abc")
    assert send(cast, upload_id, 3, b"d").json()["code"] == "stale_state"


@pytest.mark.parametrize(
    ("name", "size", "code"),
    [
        ("../a.png", 5, "bad_name"),
        ("/a.png", 5, "bad_name"),
        ("a\x00.png", 5, "invalid"),
        ("a\x1b.png", 5, "bad_name"),
        ("x" * 300 + ".png", 5, "bad_name"),
        ("a.png", 0, "empty_file"),
        ("a.png", 2**49, "too_large"),
        ("a.png", 2**60, "invalid"),
    ],
)
def test_bad_announcements_are_refused(cast: Cast, name: str, size: int, code: str) -> None:
    refused = announce(cast, name, size)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert not Upload.objects.exists()


def test_another_body_type_is_refused(cast: Cast) -> None:
    upload_id = announce(cast).json()["id"]
    answer = client_for(cast.ada).patch(f"/api/v1/uploads/{upload_id}", {"x": 1}, headers={"Upload-Offset": "0"})
    assert answer.status_code == 415


def test_an_upload_is_its_senders_own(cast: Cast) -> None:
    upload_id = announce(cast).json()["id"]
    for user, status in ((cast.ben, 403), (cast.dan, 404), (None, 401)):
        client = client_for(user)
        assert client.get(f"/api/v1/uploads/{upload_id}").status_code == status
        assert client.delete(f"/api/v1/uploads/{upload_id}").status_code == status
    assert Upload.objects.count() == 1


def test_an_upload_can_be_given_up(cast: Cast) -> None:
    upload_id = announce(cast).json()["id"]
    send(cast, upload_id, 0, b"01")
    assert client_for(cast.ada).delete(f"/api/v1/uploads/{upload_id}").status_code == 204
    assert not Path(uploads.upload_path(upload_id)).exists() and not Upload.objects.exists()


def test_a_chunk_of_an_upload_that_is_given_up_meanwhile_leaves_nothing(cast: Cast) -> None:
    upload = Upload.objects.get(pk=announce(cast).json()["id"])
    Upload.objects.filter(pk=upload.pk).delete()
    with pytest.raises(NotFound):
        uploads.append_chunk(upload=upload, offset=0, data=b"x")
    assert not uploads.upload_path(upload.pk).exists()


def test_the_whole_way_from_upload_to_report(cast: Cast) -> None:
    from labeling.tasks.transfer import import_images

    client = client_for(cast.ada)
    data = picture_bytes(photo())
    ids = []
    for name, content in (("a.png", data), ("b.png", data), ("c.jpg", b"text")):
        ids.append(announce(cast, name, len(content)).json()["id"])
        send(cast, ids[-1], 0, content)
    started = client.post(f"/api/v1/projects/{cast.project.pk}/imports", {"uploads": ids})
    assert started.status_code == 202 and started.json()["status"] == "queued"
    job = started.json()["id"]
    import_images(job)
    assert client.get(f"/api/v1/imports/{job}").json()["counts"] == {
        "imported": 1,
        "duplicate": 1,
        "mask": 0,
        "rejected": 1,
    }
    items = client.get(f"/api/v1/imports/{job}/items?limit=2").json()
    assert [row["name"] for row in items["results"]] == ["a.png", "b.png"] and items["next"]
    rejected = client.get(f"/api/v1/imports/{job}/items?outcome=rejected").json()["results"]
    assert [(row["name"], row["code"]) for row in rejected] == [("c.jpg", "unsupported_image")]
    assert client.get(f"/api/v1/imports/{job}/items?outcome=odd").status_code == 400
    assert client.delete(f"/api/v1/uploads/{ids[0]}").json()["code"] == "stale_state"
    again = client.post(f"/api/v1/projects/{cast.project.pk}/imports", {"uploads": ids[:1]})
    assert again.json()["code"] == "upload_open"
    assert client.post(f"/api/v1/imports/{job}/cancel").json()["code"] == "stale_state"
