"""`manage.py import_images`."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from labeling.models import Image, ImportJob, Mask
from tests.conftest import Cast
from tests.factories import photo, picture_bytes
from tests.labeling.transfer import hostile
from tests.labeling.transfer.test_imports import mask_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "images/a.png": picture_bytes(photo()),
        "images/b.png": picture_bytes(photo()),
        "masks/a.png": mask_png(),
        "README.md": b"about",
    }
    return hostile.write(tmp_path / "set", files)


def test_a_folder_is_imported_by_slug_and_reported(
    cast: Cast, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_images", cast.project.slug, str(folder))
    out = capsys.readouterr().out
    assert "not imported: README.md" in out and "2 imported, 0 duplicate, 1 mask, 1 rejected" in out
    job = ImportJob.objects.get()
    assert job.created_by == cast.ada and job.status == "succeeded"
    assert Image.objects.get(name="a.png").accepted_mask is not None


def test_a_second_run_finds_everything_there(cast: Cast, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        call_command("import_images", str(cast.project.pk), str(folder))
    assert "0 imported, 3 duplicate, 0 mask, 1 rejected" in capsys.readouterr().out
    assert Image.objects.count() == 2 and Mask.objects.count() == 1


def test_masks_may_stay_unaccepted(cast: Cast, folder: Path) -> None:
    call_command("import_images", cast.project.slug, str(folder), "--no-masks-accept", "--user", "ben")
    assert Image.objects.get(name="a.png").accepted_mask is None
    assert Mask.objects.get().created_by == cast.ben


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere", "."], "no project"),
        (["{slug}", "/does/not/exist"], "not a folder"),
        (["{slug}", ".", "--user", "zed"], "no user"),
    ],
)
def test_what_is_missing_is_said_in_one_line(cast: Cast, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("import_images", *[word.format(slug=cast.project.slug) for word in words])
    assert not ImportJob.objects.exists()
