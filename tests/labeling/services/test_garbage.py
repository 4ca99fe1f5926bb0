"""Garbage collection removes what nothing names, and nothing else."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import models
from django.utils import timezone

from labeling import storage
from labeling.models import ClassCheck, Comment, Mask, Proposal, Upload
from labeling.services import uploads
from labeling.services.exports import ExportOptions, request_export
from labeling.services.garbage import REFERENCES, collect_garbage
from labeling.services.images import delete_image
from labeling.tasks.transfer import export
from tests.conftest import Cast
from tests.factories import make_annotation, make_image, make_interactive_proposal, make_mask
from tests.labeling.transfer.test_exports import accepted, shape

DAY = timedelta(hours=24)


def age(name: str) -> None:
    """Make a blob two days old."""
    old = time.time() - 2 * 86_400
    os.utime(default_storage.path(name), (old, old))


def exists(name: str) -> bool:
    return bool(default_storage.exists(name))


def test_every_field_that_names_a_blob_is_known() -> None:
    found = {
        (model, field.name)
        for model in apps.get_app_config("labeling").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.CharField) and field.max_length == 120 and field.name not in {"name", "worker"}
    }
    assert found == set(REFERENCES)


def test_files_without_a_row_go_after_the_grace(cast: Cast) -> None:
    image = make_image(cast.project)
    lost = storage.put("images", b"nobody names me", suffix="png").name
    young = storage.put("images", b"just written", suffix="png").name
    for name in (image.file, lost):
        age(name)
    counted = collect_garbage(grace=DAY, only_count=True)
    assert counted.num_blobs == 1 and exists(lost)
    collected = collect_garbage(grace=DAY)
    assert (collected.num_blobs, collected.num_bytes) == (1, 15)
    assert exists(image.file) and exists(young) and not exists(lost)


def test_putting_the_same_bytes_again_renews_their_grace(cast: Cast) -> None:
    name = storage.put("images", b"again", suffix="png").name
    age(name)
    storage.put("images", b"again", suffix="png")
    assert collect_garbage(grace=DAY).num_blobs == 0 and exists(name)


def test_foreign_files_are_left_alone(cast: Cast, settings: Any) -> None:
    path = Path(settings.MEDIA_ROOT) / "notes" / "readme.txt"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    os.utime(path, (1, 1))
    collect_garbage(grace=DAY)
    assert path.exists()


def test_a_deleted_image_leaves_with_its_files_but_not_under_a_running_export(cast: Cast) -> None:
    image = accepted(cast.project, shape("ring"), cast.ada)
    assert image.accepted_mask is not None
    names = [image.file, image.accepted_mask.blob]
    job = request_export(project=cast.project, format_name="masks", options=ExportOptions(images=True), by=cast.ada)
    delete_image(image=image, by=cast.ada)
    for name in names:
        age(name)
    assert collect_garbage(grace=DAY).num_blobs == 0
    export(job.pk)
    assert collect_garbage(grace=DAY).num_blobs == 2
    assert not any(exists(name) for name in names)


def test_masks_of_superseded_proposals_go_others_stay(cast: Cast) -> None:
    image = make_image(cast.project)
    annotation = make_annotation(image, cast.ben)
    old = timezone.now() - 2 * DAY
    gone = make_interactive_proposal(annotation, status="superseded")
    parent = make_interactive_proposal(annotation, status="superseded")
    child = make_mask(image, origin="edited", parent=parent.mask, created_by=cast.ben)
    pending = make_interactive_proposal(annotation)
    talked_of = make_mask(image, origin="interactive")
    Comment.objects.create(image=image, author=cast.ben, text="rather this", proposed_mask=talked_of)
    checked = make_interactive_proposal(annotation, status="superseded")
    ClassCheck.objects.create(
        proposal=checked, label_class=cast.project.classes.get(index=1), author=cast.ben, verdict="right"
    )
    Proposal.objects.update(created_at=old)
    Mask.objects.update(created_at=old)
    young = make_interactive_proposal(annotation, status="superseded")
    assert collect_garbage(grace=DAY).num_masks == 1
    assert not Mask.objects.filter(pk=gone.mask_id).exists()
    kept = {parent.mask_id, child.pk, pending.mask_id, young.mask_id, talked_of.pk, checked.mask_id}
    assert set(Mask.objects.values_list("pk", flat=True)) == kept


def test_idle_uploads_go_and_busy_ones_stay(cast: Cast) -> None:
    idle, busy = (uploads.create_upload(project=cast.project, by=cast.ada, name=n, size=4) for n in ("a.png", "b.png"))
    for row in (idle, busy):
        uploads.append_chunk(upload=row, offset=0, data=b"ab")
    Upload.objects.filter(pk=idle.pk).update(updated_at=timezone.now() - 2 * DAY)
    assert collect_garbage(grace=DAY).num_uploads == 1
    assert not uploads.upload_path(idle.pk).exists() and uploads.upload_path(busy.pk).exists()


def test_leftovers_of_dead_workers_go(cast: Cast, settings: Any) -> None:
    scratch = Path(settings.SCRATCH_DIR)
    scratch.mkdir(parents=True)
    for name in ("import-999", "picture-abc", "training-7"):
        (scratch / name).mkdir()
        os.utime(scratch / name, (1, 1))
    collect_garbage(grace=DAY)
    assert sorted(path.name for path in scratch.iterdir()) == ["training-7"]


def test_the_command_says_what_it_did(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    name = storage.put("images", b"nobody names me", suffix="png").name
    age(name)
    call_command("gc_blobs", "--dry-run")
    assert "1 files" in capsys.readouterr().out and exists(name)
    call_command("gc_blobs")
    assert "removed" in capsys.readouterr().out and not exists(name)
