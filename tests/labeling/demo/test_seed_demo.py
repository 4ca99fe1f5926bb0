"""The demo: real pictures, right marks, the same again on a second run, and never in somebody's own database."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from labeling.demo import seeding
from labeling.demo.pictures import DEMO_PROJECTS, DemoProject, cut, load_picture, picture_path
from labeling.demo.strokes import covers_only, draw_marks
from labeling.models import Annotation, Image, Mark, Mask, Membership, Project, Split
from models_zoo import UNLABELLED, Point, Scribble, encode_png, parse_mark, rasterize
from tests.factories import make_user, photo, picture_bytes
from tests.labeling.transfer import hostile

# The quickest two; one test walks all pictures without a database.
SOME = [project for project in DEMO_PROJECTS if project.slug in {"dahlia", "summer-palace"}]


@pytest.fixture
def own_var(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    monkeypatch.delenv("DEMO_DATA", raising=False)
    monkeypatch.setattr(seeding, "DEMO_PROJECTS", [replace(SOME[0], stride_px=200)])
    return tmp_path / "var"


@pytest.mark.parametrize("project", DEMO_PROJECTS, ids=lambda project: project.slug)
def test_every_picture_ships_and_its_marks_are_right(project: DemoProject) -> None:
    path = picture_path(project)
    assert path is not None, "the picture is gone from its package"
    rgb = load_picture(project, path)
    certain = project.certain(rgb)
    assert certain.shape == rgb.shape[:2]
    assert set(np.unique(certain)) == {*range(len(project.classes)), UNLABELLED}
    crops = list(cut(project, rgb, certain))
    assert len(crops) >= 12
    for _, crop, part in crops[:: len(crops) // 3]:
        assert crop.shape[:2] == part.shape == (project.crop_px, project.crop_px)
        marks = draw_marks(part, width_px=project.stroke_px)
        assert marks
        seeds = rasterize(marks, width=project.crop_px, height=project.crop_px).seeds
        assert np.array_equal(seeds[seeds != UNLABELLED], part[seeds != UNLABELLED])


def test_strokes_follow_the_middle_of_a_region() -> None:
    certain = np.full((60, 80), UNLABELLED, np.uint8)
    certain[20:40, 5:75] = 3
    certain[50:57, 40:47] = 1
    point, stroke = draw_marks(certain)
    assert isinstance(point, Point) and point.class_index == 1
    assert isinstance(stroke, Scribble) and stroke.class_index == 3
    assert all(27 <= y <= 33 for _, y in stroke.points) and len(stroke.points) > 5
    assert covers_only(stroke, certain == 3)
    assert draw_marks(np.full((9, 9), UNLABELLED, np.uint8)) == []


@pytest.mark.django_db
def test_the_demo_is_seeded_and_a_second_run_changes_nothing(own_var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_demo")
    out = capsys.readouterr().out
    project = Project.objects.get()
    assert project.images.count() >= 6 and project.guidelines and project.classes.count() >= 2
    assert {row.role for row in Membership.objects.all()} == {"owner", "reviewer", "annotator"}
    accounts = json.loads((own_var / "demo_users.json").read_text())
    for account in accounts:
        assert authenticate(username=account["username"], password=account["password"]) is not None
        assert account["password"] in out
    assert User.objects.get(username="admin").is_staff
    assert stat.S_IMODE((own_var / "demo_users.json").stat().st_mode) == 0o600
    marked = Annotation.objects.filter(marks__isnull=False).distinct()
    assert marked.count() >= 3 and all(row.image.split == Split.TRAIN for row in marked)
    assert not Mask.objects.exists()
    before = [model.objects.count() for model in (User, Project, Image, Annotation, Mark)]
    call_command("seed_demo")
    assert [model.objects.count() for model in (User, Project, Image, Annotation, Mark)] == before
    assert json.loads((own_var / "demo_users.json").read_text()) == accounts


@pytest.mark.django_db
def test_an_interrupted_seeding_goes_on(own_var: Path) -> None:
    call_command("seed_demo")
    before = [model.objects.count() for model in (User, Project, Image, Mark)]
    (own_var / "demo_seeded.json").unlink()
    Image.objects.order_by("pk").last().delete()  # type: ignore[union-attr]
    call_command("seed_demo")
    assert [model.objects.count() for model in (User, Project, Image)] == before[:3]


@pytest.mark.django_db
def test_a_database_with_accounts_of_its_own_is_left_alone(own_var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_user("somebody")
    call_command("seed_demo")
    assert "no demo" in capsys.readouterr().out
    assert User.objects.count() == 1 and not Project.objects.exists()


@pytest.mark.django_db
def test_a_folder_of_ones_own_takes_the_place_of_the_pictures(own_var: Path, tmp_path: Path) -> None:
    label_map = np.zeros((90, 120), np.uint8)
    label_map[20:70, 30:90] = 2
    files = {f"images/{n}.png": picture_bytes(photo(width=120, height=90)) for n in range(8)}
    files |= {f"masks/{n}.png": encode_png(label_map) for n in range(8)}
    files["classes.json"] = b'{"classes": {"0": "background", "2": "square"}}'
    folder = hostile.write(tmp_path / "my_set", files)
    call_command("seed_demo", "--data", str(folder))
    project = Project.objects.get()
    assert (project.name, project.images.count()) == ("My set", 8)
    assert [(row.index, row.name) for row in project.classes.all()] == [(0, "background"), (2, "square")]
    assert not Mask.objects.exists(), "masks are ground truth, not work that somebody did"
    marks = list(Mark.objects.select_related("label_class"))
    assert marks
    for row in marks:
        mark = parse_mark(kind=row.kind, class_index=row.label_class.index, sign=row.sign, geometry=row.geometry)
        assert covers_only(mark, label_map == row.label_class.index)


@pytest.mark.django_db
def test_a_folder_that_is_not_there_is_one_line(own_var: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not a folder"):
        call_command("seed_demo", "--data", str(tmp_path / "nowhere"))
    assert not User.objects.exists()
