"""Imports: every file gets its line, the rest comes in, nothing is half-written, and a crash costs no file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User

from labeling import storage
from labeling.errors import Cancelled, Conflict, Invalid
from labeling.models import Event, Image, ImportItem, ImportJob, JobStatus, Mask, Project, Split, Upload
from labeling.services import imports, uploads
from labeling.services.imports import Choice
from labeling.tasks.transfer import import_images
from labeling.transfer.files import Given, files_in_folder
from models_zoo import decode_png, encode_png
from tests.conftest import Cast
from tests.factories import make_class, make_project, photo, picture_bytes
from tests.labeling.transfer import hostile


def sent(project: Project, by: User, files: dict[str, bytes]) -> list[Upload]:
    """Files uploaded whole."""
    rows = []
    for name, data in files.items():
        upload = uploads.create_upload(project=project, by=by, name=name, size=len(data))
        rows.append(uploads.append_chunk(upload=upload, offset=0, data=data))
    return rows


def imported(project: Project, by: User, files: dict[str, bytes]) -> ImportJob:
    """An import of these files, run to its end."""
    rows = sent(project, by, files)
    job = imports.start_import(project=project, upload_ids=[row.pk for row in rows], by=by)
    import_images(job.pk)
    job.refresh_from_db()
    return job


def report(job: ImportJob) -> dict[str, tuple[str, str]]:
    return {item.name: (item.outcome, item.code) for item in job.items.all()}


def mask_png(value: int = 1, *, width: int = 48, height: int = 40) -> bytes:
    label_map = np.zeros((height, width), np.uint8)
    label_map[5:20, 5:30] = value
    return encode_png(label_map)


def test_good_pictures_become_images_with_all_their_files(cast: Cast) -> None:
    job = imported(cast.project, cast.ada, {"a.png": picture_bytes(photo()), "sub/b.jpg": hostile.exif_rotated()})
    assert job.status == JobStatus.SUCCEEDED and (job.done, job.total) == (2, 2)
    assert report(job) == {"a.png": ("imported", ""), "sub/b.jpg": ("imported", "")}
    turned = Image.objects.get(name="sub/b.jpg")
    assert (turned.width, turned.height, turned.original_format) == (40, 60, "JPEG")
    assert storage.read(turned.original) == hostile.exif_rotated()
    assert storage.read(turned.file) and storage.read(turned.thumb)
    assert turned.split in Split.values and 0 <= turned.order_key < 1
    (event,) = Event.objects.filter(verb="image.added")
    assert event.data == {"count": 2, "import_job": job.pk}


def test_every_hostile_file_is_named_and_the_rest_comes_in(cast: Cast) -> None:
    good = picture_bytes(photo())
    files = {
        "good.png": good,
        "again.png": good,
        "cut.jpg": hostile.truncated_jpeg(),
        "text.jpg": b"not a picture at all",
        "drawing.png": hostile.svg(),
        "bomb.png": hostile.bomb_png(),
        "huge.png": hostile.png_header(2**31 - 1, 2**31 - 1),
        "deep.tif": hostile.deep_tiff(),
        "cmyk.jpg": hostile.cmyk_jpeg(),
        "moving.webp": hostile.animated_webp(),
        "two-faced.jpg": hostile.polyglot(),
        "slip.zip": hostile.zip_of({"../out.png": picture_bytes(photo()), "in.png": picture_bytes(photo())}),
        "link.zip": hostile.zip_with_link(),
        "secret.zip": hostile.encrypted_zip(),
        "lying.zip": hostile.lying_zip(),
        "ratio.zip": hostile.zip_of({"zeros.bmp": bytes(3_000_000)}),
        "broken.zip": hostile.zip_of({"x.png": good})[:-20],
        "nested.zip": hostile.zip_of({"inner.zip": hostile.zip_of({"y.png": picture_bytes(photo())})}),
    }
    job = imported(cast.project, cast.ada, files)
    assert job.status == JobStatus.SUCCEEDED
    assert report(job) == {
        "good.png": ("imported", ""),
        "again.png": ("duplicate", "duplicate"),
        "cut.jpg": ("rejected", "bad_image"),
        "text.jpg": ("rejected", "unsupported_image"),
        "drawing.png": ("rejected", "unsupported_image"),
        "bomb.png": ("rejected", "too_large"),
        "huge.png": ("rejected", "too_large"),
        "deep.tif": ("imported", ""),
        "cmyk.jpg": ("imported", ""),
        "moving.webp": ("imported", ""),
        "two-faced.jpg": ("imported", ""),
        "slip.zip/../out.png": ("rejected", "bad_name"),
        "slip.zip/in.png": ("imported", ""),
        "link.zip/link.jpg": ("rejected", "link"),
        "link.zip/good.png": ("imported", ""),
        "secret.zip/secret.png": ("rejected", "encrypted"),
        "lying.zip/big.png": ("rejected", "damaged"),
        "ratio.zip/zeros.bmp": ("rejected", "zip_ratio"),
        "broken.zip": ("rejected", "bad_zip"),
        "nested.zip/inner.zip": ("rejected", "unsupported_image"),
    }
    assert all(item.message for item in job.items.exclude(outcome="imported"))
    assert Image.objects.count() == 7
    assert imports.item_counts(job) == {"imported": 7, "duplicate": 1, "mask": 0, "rejected": 12}


def test_nothing_of_a_refused_file_stays_behind(cast: Cast, settings: object) -> None:
    imported(cast.project, cast.ada, {"cut.jpg": hostile.truncated_jpeg(), "lying.zip": hostile.lying_zip()})
    left = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]  # type: ignore[attr-defined]
    assert left == []
    assert list(Path(settings.SCRATCH_DIR).iterdir()) == []  # type: ignore[attr-defined]
    assert list(Path(settings.UPLOAD_DIR).iterdir()) == []  # type: ignore[attr-defined]


def test_masks_come_along_and_are_accepted(cast: Cast) -> None:
    files = {
        "set/masks/a.png": mask_png(),
        "set/images/a.jpg": picture_bytes(photo(), "JPEG"),
        "masks/deep/b.png": mask_png(255),
        "images/deep/b.png": picture_bytes(photo()),
    }
    job = imported(cast.project, cast.ada, {"data.zip": hostile.zip_of(files)})
    assert sorted(outcome for outcome, _ in report(job).values()) == ["imported", "imported", "mask", "mask"]
    image = Image.objects.get(name="a.jpg")
    assert image.accepted_mask is not None
    assert image.accepted_mask.origin == Mask.Origin.IMPORTED and image.accepted_mask.created_by == cast.ada
    assert np.array_equal(decode_png(storage.read(image.accepted_mask.blob)), decode_png(mask_png()))
    assert Event.objects.filter(verb="mask.accepted").count() == 2


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("masks/a.png", mask_png(7), "bad_mask"),
        ("masks/a.png", mask_png(width=47), "bad_mask"),
        ("masks/a.png", b"nothing", "bad_mask"),
        ("masks/other.png", mask_png(), "no_image_for_mask"),
    ],
    ids=["unknown class", "wrong size", "no png", "no image"],
)
def test_a_mask_that_does_not_fit_is_rejected_by_name(cast: Cast, name: str, data: bytes, code: str) -> None:
    job = imported(cast.project, cast.ada, {"a.png": picture_bytes(photo()), name: data})
    assert report(job)[name] == ("rejected", code)
    assert Image.objects.get().accepted_mask is None and not Mask.objects.exists()


def test_an_import_never_replaces_an_accepted_mask(cast: Cast) -> None:
    picture = picture_bytes(photo())
    imported(cast.project, cast.ada, {"a.png": picture, "masks/a.png": mask_png()})
    before = Image.objects.get().accepted_mask_id
    job = imported(cast.project, cast.ada, {"a.png": picture, "masks/a.png": encode_png(np.ones((40, 48), np.uint8))})
    assert report(job) == {"a.png": ("duplicate", "duplicate"), "masks/a.png": ("rejected", "stale_state")}
    assert Image.objects.get().accepted_mask_id == before and Mask.objects.count() == 1


def test_a_mask_finds_its_image_under_the_name_the_project_knows(cast: Cast) -> None:
    picture = picture_bytes(photo())
    imported(cast.project, cast.ada, {"old.png": picture})
    job = imported(cast.project, cast.ada, {"new.png": picture, "masks/new.png": mask_png()})
    assert report(job)["masks/new.png"] == ("mask", "")
    assert Image.objects.get().accepted_mask is not None


def test_a_mask_of_two_possible_images_is_rejected(cast: Cast) -> None:
    files = {"a.png": picture_bytes(photo()), "a.bmp": picture_bytes(photo(), "BMP"), "masks/a.png": mask_png()}
    assert report(imported(cast.project, cast.ada, files))["masks/a.png"] == ("rejected", "ambiguous_mask")


def test_classes_json_fills_a_project_without_classes(cast: Cast) -> None:
    project = make_project(owner=cast.ada, num_classes=0)
    classes = {"classes": {"0": "background", "3": "horse"}}
    job = imported(project, cast.ada, {"classes.json": json.dumps(classes).encode()})
    assert report(job) == {"classes.json": ("imported", "classes")}
    assert [(row.index, row.name, row.is_background) for row in project.classes.all()] == [
        (0, "background", True),
        (3, "horse", False),
    ]
    again = imported(project, cast.ada, {"x/classes.json": json.dumps(classes).encode()})
    assert report(again) == {"x/classes.json": ("duplicate", "classes")}


def test_classes_that_mean_something_else_keep_masks_out(cast: Cast) -> None:
    files = {
        "classes.json": json.dumps({"classes": [{"index": 1, "name": "horse"}]}).encode(),
        "a.png": picture_bytes(photo()),
        "masks/a.png": mask_png(),
    }
    job = imported(cast.project, cast.ada, files)
    assert report(job) == {
        "classes.json": ("rejected", "class_mismatch"),
        "a.png": ("imported", ""),
        "masks/a.png": ("rejected", "class_mismatch"),
    }


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b'{"classes": {}}',
        b'{"classes": {"254": "x"}}',
        b'{"classes": {"000000300": "x"}}',
        b'{"classes": {"a": "x"}}',
        b'{"classes": [{"index": 0, "name": "x"}, {"index": 0, "name": "y"}]}',
        b'{"classes": {"0": "x", "1": "x"}}',
        b'{"classes": {"0": ""}}',
        b'{"classes": [{"index": 0, "name": "x", "color": "red;"}]}',
        b"[" * 100_000,
    ],
)
def test_a_bad_classes_json_is_rejected_and_makes_no_class(cast: Cast, data: bytes) -> None:
    project = make_project(owner=cast.ada, num_classes=0)
    job = imported(project, cast.ada, {"classes.json": data})
    assert report(job)["classes.json"][0] == "rejected"
    assert not project.classes.exists()


class Killed(BaseException):
    """Stands for a worker that dies."""


def test_a_killed_import_goes_on_where_it_stopped(cast: Cast) -> None:
    rows = sent(cast.project, cast.ada, {f"{n}.png": picture_bytes(photo()) for n in range(5)} | {"t.jpg": b"text"})
    job = imports.start_import(project=cast.project, upload_ids=[row.pk for row in rows], by=cast.ada)
    assert job.claim()

    def dies(done: int, total: int) -> None:
        if done == 3:
            raise Killed

    with pytest.raises(Killed):
        imports.import_uploads(job=job, report=dies)
    assert job.items.count() == 3
    # As if even the telling had not happened.
    Event.objects.filter(verb="image.added").delete()
    assert job.release()
    import_images(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.SUCCEEDED and job.attempt == 2
    assert imports.item_counts(job) == {"imported": 5, "duplicate": 0, "mask": 0, "rejected": 1}
    assert sum(event.data["count"] for event in Event.objects.filter(verb="image.added")) == 5


def test_a_second_delivery_changes_nothing(cast: Cast) -> None:
    job = imported(cast.project, cast.ada, {"a.png": picture_bytes(photo())})
    import_images(job.pk)
    job.refresh_from_db()
    assert job.attempt == 1 and ImportItem.objects.count() == 1


def test_a_cancelled_import_keeps_what_is_in(cast: Cast) -> None:
    rows = sent(cast.project, cast.ada, {f"{n}.png": picture_bytes(photo()) for n in range(4)})
    job = imports.start_import(project=cast.project, upload_ids=[row.pk for row in rows], by=cast.ada)
    job.claim()

    def cancels(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        imports.import_uploads(job=job, report=cancels)
    assert Image.objects.count() == 2
    assert Event.objects.get(verb="image.added").data["count"] == 2


def test_an_upload_is_imported_once_and_only_by_its_sender(cast: Cast) -> None:
    (row,) = sent(cast.project, cast.ada, {"a.png": picture_bytes(photo())})
    with pytest.raises(Invalid):
        imports.start_import(project=cast.project, upload_ids=[row.pk], by=cast.root)
    with pytest.raises(Invalid):
        imports.start_import(project=make_project(owner=cast.ada), upload_ids=[row.pk], by=cast.ada)
    imports.start_import(project=cast.project, upload_ids=[row.pk], by=cast.ada)
    with pytest.raises(Conflict):
        imports.start_import(project=cast.project, upload_ids=[row.pk], by=cast.ada)
    assert ImportJob.objects.count() == 1


def test_a_folder_comes_in_with_a_splitter_of_ones_own(cast: Cast, tmp_path: Path) -> None:
    folder = hostile.write(
        tmp_path / "set",
        {"images/a.png": picture_bytes(photo()), "masks/a.png": mask_png(), "notes.txt": b"hello"},
    )
    job = ImportJob.objects.create(project=cast.project, created_by=cast.ada)
    job.claim()

    def given() -> Iterator[Given]:
        return files_in_folder(folder)

    choice = Choice(split_of=lambda name, sha256: Split.TEST, accept_masks=False)
    imports.import_files(job=job, given=given, report=lambda done, total: None, choice=choice)
    image = Image.objects.get()
    assert image.split == Split.TEST and image.accepted_mask is None
    assert Mask.objects.get(image=image).origin == Mask.Origin.IMPORTED
    assert report(job)["notes.txt"] == ("rejected", "unsupported_image")


def test_retired_classes_may_still_come_in_masks(cast: Cast) -> None:
    make_class(cast.project, index=2, is_retired=True)
    job = imported(cast.project, cast.ada, {"a.png": picture_bytes(photo()), "masks/a.png": mask_png(2)})
    assert report(job)["masks/a.png"] == ("mask", "")


def test_the_same_names_in_one_import_both_get_a_line(cast: Cast) -> None:
    rows = sent(cast.project, cast.ada, {"a.png": picture_bytes(photo())})
    rows += sent(cast.project, cast.ada, {"a.png": picture_bytes(photo())})
    job = imports.start_import(project=cast.project, upload_ids=[row.pk for row in rows], by=cast.ada)
    import_images(job.pk)
    assert report(job) == {"a.png": ("imported", ""), "a.png (2)": ("imported", "")}
