"""Exports: what leaves is what was accepted, bit for bit, with its origin, and the same state gives the same bytes."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from pycocotools.coco import COCO

from labeling import provenance, storage
from labeling.errors import Cancelled, Invalid
from labeling.models import ExportJob, Image, JobStatus, Mask, Project, Review
from labeling.services import decisions, exporting, imports
from labeling.services.exports import ExportOptions, request_export
from labeling.services.images import delete_image
from labeling.tasks.transfer import export
from models_zoo import decode_png, encode_png, pixel_counts
from tests.conftest import Cast
from tests.factories import make_image, make_project, make_version
from tests.labeling.transfer.test_imports import imported

SHAPES = {
    "empty": lambda m: None,
    "full": lambda m: m.fill(1),
    "corner": lambda m: m.__setitem__((0, 0), 1),
    "last corner": lambda m: m.__setitem__((-1, -1), 1),
    "line": lambda m: m.__setitem__((slice(None), 7), 1),
    "diagonal": lambda m: np.fill_diagonal(m, 1),
    "ring": lambda m: (m[5:20, 5:20].fill(1), m[9:12, 9:12].fill(0)),
    "checkerboard": lambda m: m.__setitem__((slice(None, None, 2), slice(None, None, 2)), 1),
    "ignore": lambda m: m[10:30].fill(255),
}


def accepted(project: Project, label_map: np.ndarray, by: User, **fields: Any) -> Image:
    """An image whose accepted mask is `label_map`."""
    height, width = label_map.shape
    mask_fields = {
        key: fields.pop(key) for key in list(fields) if key in {"origin", "parent", "model_version", "provenance"}
    }
    image = make_image(project, width=width, height=height, **fields)
    blob = storage.put("masks", encode_png(label_map), suffix="png")
    counts = {str(value): number for value, number in pixel_counts(label_map).items()}
    defaults = {"origin": "painted", "created_by": by, "pixel_counts": counts}
    mask = Mask.objects.create(image=image, blob=blob.name, sha256=blob.sha256, **(defaults | mask_fields))
    decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=by)
    image.refresh_from_db()
    return image


def shape(name: str, *, height: int = 40, width: int = 48) -> np.ndarray:
    label_map = np.zeros((height, width), np.uint8)
    SHAPES[name](label_map)  # type: ignore[no-untyped-call]
    return label_map


def exported(project: Project, by: User, fmt: str = "coco", **options: Any) -> ExportJob:
    job = request_export(project=project, format_name=fmt, options=ExportOptions(**options), by=by)
    export(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.SUCCEEDED, job.error
    return job


def archive(job: ExportJob) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(storage.read(job.file)))


def test_pycocotools_finds_the_accepted_masks_bit_for_bit(cast: Cast, tmp_path: Path) -> None:
    wanted = {accepted(cast.project, shape(name), cast.ada, name=f"{name}.png").pk: shape(name) for name in SHAPES}
    job = exported(cast.project, cast.ada)
    (tmp_path / "coco.json").write_bytes(archive(job).read("annotations.json"))
    coco = COCO(str(tmp_path / "coco.json"))
    assert sorted(coco.getImgIds()) == sorted(wanted)
    for image_id, label_map in wanted.items():
        found = np.full(label_map.shape, 255, np.uint8)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image_id)):
            inside = coco.annToMask(annotation).astype(bool)
            assert annotation["iscrowd"] == 0 and annotation["area"] == inside.sum()
            assert (found[inside] == 255).all()
            found[inside] = annotation["category_id"]
        assert np.array_equal(found, label_map)
    assert {row["id"]: row["name"] for row in coco.loadCats(coco.getCatIds())} == {0: "class 0", 1: "class 1"}


def test_masks_read_back_equal_and_the_archive_can_be_imported(cast: Cast) -> None:
    wanted = {name: shape(name) for name in ("ring", "ignore", "line")}
    for name, label_map in wanted.items():
        accepted(cast.project, label_map, cast.ada, name=f"deep/{name}.png")
    job = exported(cast.project, cast.ada, "masks", images=True)
    with archive(job) as found:
        for name, label_map in wanted.items():
            assert np.array_equal(decode_png(found.read(f"masks/deep/{name}.png")), label_map)
        assert found.read("splits/train.txt").decode().split() == ["deep/ring", "deep/ignore", "deep/line"]
    other = make_project(owner=cast.ada, num_classes=0)
    report = imported(other, cast.ada, {"back.zip": storage.read(job.file)})
    counts = imports.item_counts(report)
    assert (counts["imported"], counts["mask"]) == (4, 3)  # three pictures and the classes
    image = other.images.get(name="deep/ring.png")
    assert image.accepted_mask is not None
    assert np.array_equal(decode_png(storage.read(image.accepted_mask.blob)), wanted["ring"])


@pytest.mark.parametrize("fmt", ["coco", "masks"])
def test_the_same_state_gives_the_same_bytes(cast: Cast, fmt: str) -> None:
    accepted(cast.project, shape("ring"), cast.ada)
    first = exported(cast.project, cast.ada, fmt, images=True)
    second = exported(cast.project, cast.ada, fmt, images=True)
    assert first.pk != second.pk
    assert first.file_sha256 == second.file_sha256 and first.snapshot_hash == second.snapshot_hash
    accepted(cast.project, shape("full"), cast.ada)
    assert exported(cast.project, cast.ada, fmt, images=True).file_sha256 != first.file_sha256


def test_the_manifest_says_where_every_pixel_came_from(cast: Cast) -> None:
    import hashlib

    label_map = shape("ring")
    version = make_version(cast.project)
    source = np.full(label_map.shape, provenance.MODEL, np.uint8)
    source[:10] = provenance.POLISHED
    source[0, :5] = provenance.PERSON
    blob = storage.put("provenance", provenance.encode(source), suffix="png")
    base = accepted(cast.project, shape("line"), cast.ada, origin="polished", model_version=version, name="p.png")
    edited = accepted(
        cast.project,
        label_map,
        cast.ada,
        origin="edited",
        parent=base.accepted_mask,
        provenance=blob.name,
        name="e.png",
    )
    painted = accepted(cast.project, shape("ignore"), cast.ben, name="q.png")
    job = exported(cast.project, cast.ada, images=True)
    with archive(job) as found:
        manifest = json.loads(found.read("MANIFEST.json"))
        files = {row["name"]: row for row in manifest["files"]}
        assert set(files) | {"MANIFEST.json"} == set(found.namelist())
        for name, row in files.items():
            data = found.read(name)
            assert (row["size"], row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert manifest["snapshot"] == job.snapshot_hash and manifest["num_images"] == 3
    rows = {row["id"]: row for row in manifest["images"]}
    assert rows[edited.pk]["mask"]["model_version"] == version.number
    assert rows[edited.pk]["provenance"] == {"person": 5, "polished": 48 * 10 - 5, "model": 48 * 30}
    assert rows[painted.pk]["provenance"] == {"person": 48 * 20, "unknown": 48 * 20}
    assert rows[painted.pk]["mask"]["by"] == "ben"
    assert rows[base.pk]["provenance"] == {"polished": 48 * 40}


def test_the_export_holds_the_state_of_the_click(cast: Cast) -> None:
    image = accepted(cast.project, shape("ring"), cast.ada)
    job = request_export(project=cast.project, format_name="masks", options=ExportOptions(), by=cast.ada)
    decisions.reopen_image(image=image, by=cast.ada)
    accepted(cast.project, shape("full"), cast.ada)
    delete_image(image=image, by=cast.ada)
    export(job.pk)
    job.refresh_from_db()
    assert job.num_images == 1
    (name,) = [name for name in archive(job).namelist() if name.startswith("masks/")]
    assert np.array_equal(decode_png(archive(job).read(name)), shape("ring"))


def test_only_approved_masks_leave_where_reviews_are_asked_for(cast: Cast) -> None:
    cast.project.settings_json = {"review_required": True}
    cast.project.save()
    waits = accepted(cast.project, shape("ring"), cast.ben, name="waits.png")
    approved = accepted(cast.project, shape("full"), cast.ben, name="approved.png")
    assert approved.accepted_mask is not None
    Review.objects.create(mask=approved.accepted_mask, reviewer=cast.cleo, verdict="approved")
    assert waits.accepted_mask is not None
    assert exported(cast.project, cast.ada).num_images == 1
    assert exported(cast.project, cast.ada, approved_only=False).num_images == 2
    Review.objects.create(mask=waits.accepted_mask, reviewer=cast.cleo, verdict="approved")
    assert exported(cast.project, cast.ada).num_images == 2


def test_splits_are_chosen_and_an_empty_export_is_refused(cast: Cast) -> None:
    accepted(cast.project, shape("ring"), cast.ada, split="test")
    assert exported(cast.project, cast.ada, splits=("test",)).num_images == 1
    with pytest.raises(Invalid, match="nothing to export"):
        request_export(project=cast.project, format_name="coco", options=ExportOptions(splits=("train",)), by=cast.ada)
    with pytest.raises(Invalid, match="choose one of coco, masks"):
        request_export(project=cast.project, format_name="yolo", options=ExportOptions(), by=cast.ada)


def test_names_that_would_collide_are_told_apart(cast: Cast) -> None:
    for name in ("a.png", "A.jpg", "a.bmp", "b/a.png"):
        accepted(cast.project, shape("ring"), cast.ada, name=name)
    names = [
        name for name in archive(exported(cast.project, cast.ada, "masks")).namelist() if name.startswith("masks/")
    ]
    assert len({name.casefold() for name in names}) == 4 and "masks/b/a.png" in names


def test_a_cancelled_export_leaves_nothing(cast: Cast, settings: object) -> None:
    accepted(cast.project, shape("ring"), cast.ada)
    job = request_export(project=cast.project, format_name="coco", options=ExportOptions(), by=cast.ada)
    job.claim()

    def cancels(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        exporting.write_export(job=job, report=cancels)
    assert not (Path(settings.MEDIA_ROOT) / "exports").exists()  # type: ignore[attr-defined]
    assert list(Path(settings.SCRATCH_DIR).iterdir()) == []  # type: ignore[attr-defined]


def test_a_missing_blob_fails_the_export_with_a_sentence(cast: Cast) -> None:
    image = accepted(cast.project, shape("ring"), cast.ada)
    assert image.accepted_mask is not None
    storage.delete(image.accepted_mask.blob)
    job = request_export(project=cast.project, format_name="coco", options=ExportOptions(), by=cast.ada)
    export(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED and "missing" in job.error and not job.file
