"""Exports over HTTP."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from labeling.models import ExportJob
from labeling.tasks.transfer import export
from tests.conftest import Cast, client_for
from tests.labeling.transfer.test_exports import accepted, shape


def ask(cast: Cast, **body: Any) -> Any:
    return client_for(cast.ada).post(f"/api/v1/projects/{cast.project.pk}/exports", body)


def test_an_export_is_asked_for_written_and_downloaded(cast: Cast) -> None:
    accepted(cast.project, shape("ring"), cast.ada)
    asked = ask(cast, format="coco", options={"images": True, "splits": ["test", "train"]})
    assert asked.status_code == 202
    row = asked.json()
    assert (row["status"], row["file"], row["num_images"]) == ("queued", None, 1)
    assert row["options"] == {"images": True, "splits": ["train", "test"], "approved_only": True}
    client = client_for(cast.ada)
    assert client.get(f"/api/v1/exports/{row['id']}/file").status_code == 404
    export(row["id"])
    done = client.get(f"/api/v1/exports/{row['id']}").json()
    assert done["status"] == "succeeded" and (done["done"], done["total"]) == (1, 1)
    answer = client.get(done["file"]["url"])
    with pytest.warns(Warning, match="asynchronous iterator"):
        data = b"".join(answer)
    assert len(data) == done["file"]["size"] == int(answer.headers["Content-Length"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{done["file"]["name"]}"'
    assert "annotations.json" in zipfile.ZipFile(io.BytesIO(data)).namelist()
    listed = client.get(f"/api/v1/projects/{cast.project.pk}/exports").json()["results"]
    assert [item["id"] for item in listed] == [row["id"]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"format": "coco"}, "nothing_to_export"),
        ({"format": "yolo"}, "unknown_format"),
        ({}, "invalid"),
        ({"format": "coco", "options": {"splits": []}}, "invalid"),
        ({"format": "coco", "options": {"splits": ["pool"]}}, "invalid"),
        ({"format": "coco", "options": {"evil": 1}}, "invalid"),
        ({"format": "coco", "path": "/etc"}, "invalid"),
    ],
)
def test_wrong_wishes_are_refused(cast: Cast, body: dict[str, Any], code: str) -> None:
    refused = ask(cast, **body)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert not ExportJob.objects.exists()


def test_a_queued_export_is_cancelled_at_once(cast: Cast) -> None:
    accepted(cast.project, shape("ring"), cast.ada)
    row = ask(cast, format="masks").json()
    cancelled = client_for(cast.ada).post(f"/api/v1/exports/{row['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    export(row["id"])
    assert ExportJob.objects.get().status == "cancelled"


def test_the_formats_are_listed(cast: Cast) -> None:
    names = [row["name"] for row in client_for(cast.dan).get("/api/v1/export-formats").json()["results"]]
    assert names == ["coco", "masks"]
