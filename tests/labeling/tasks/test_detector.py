"""A project trains a detector on its boxes and unmarked images; it is measured, never active, and can be taken out."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from labeling import storage
from labeling.errors import Conflict
from labeling.models import Image, ModelVersion, Project
from labeling.selectors.snapshots import choose_training_rows
from labeling.services.model_versions import FINDS_BOXES, activate_version
from labeling.tasks.training import train
from models_zoo.detection.finding import load_finder
from tests.conftest import Cast
from tests.factories import make_annotation, make_class, make_image, make_mark
from tests.labeling.training_cast import start

# Heartbeats come from a thread with a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)

QUICK = {"steps": 2, "image_size": 64, "batch_size": 2}


def boxed(cast: Cast, split: str = "train") -> Image:
    image = make_image(cast.project, split=split)
    label_class = cast.project.classes.filter(is_background=False).first() or make_class(cast.project, index=2)
    annotation = make_annotation(image, cast.ben)
    make_mark(annotation, label_class=label_class, kind="box", geometry={"box": [8.0, 6.0, 30.0, 28.0]})
    return image


def files(project: Project, *, unmarked: bool) -> list[int]:
    choice = choose_training_rows(project, mark_kinds=["box"], splits=["train"], unmarked=unmarked)
    return [int(image.id) for image in choice.images]


def test_it_learns_from_unmarked_images_too_is_measured_and_taken_out(cast: Cast, tmp_path: Path) -> None:
    images = [boxed(cast), boxed(cast), make_image(cast.project), boxed(cast, split="val")]
    make_image(cast.project, split="val")
    run = start(cast, method="dual_polishing", config=QUICK)
    content = json.loads(storage.read(run.snapshot))
    assert [int(item["id"]) for item in content["images"]] == [image.pk for image in images]
    assert (run.num_images, run.num_marks) == (2, 2)
    train(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("succeeded", "")
    version = ModelVersion.objects.get()
    assert not version.is_active and version.note == FINDS_BOXES
    assert version.metrics["validation"]["kind"] == "box_ap" and version.metrics["validation"]["n"] == 1
    with pytest.raises(Conflict) as caught:
        activate_version(version=version, by=cast.ada)
    assert caught.value.code == "finds_boxes"
    out = StringIO()
    call_command("model_weights", str(cast.project.pk), "1", str(tmp_path / "w"), stdout=out)
    assert "dual_polishing" in out.getvalue() and load_finder(tmp_path / "w", "cpu").objects


def test_coarse_boxes_and_tags_are_learnt_and_unmarked_images_are_not(cast: Cast) -> None:
    images = [boxed(cast), boxed(cast), make_image(cast.project)]
    make_image(cast.project)
    annotation = make_annotation(images[2], cast.ben)
    make_mark(annotation, label_class=cast.project.classes.get(is_background=False), kind="tag", geometry={})
    run = start(cast, method="tsddnet", config=QUICK)
    content = json.loads(storage.read(run.snapshot))
    assert [int(item["id"]) for item in content["images"]] == [image.pk for image in images]
    train(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("succeeded", "")
    version = ModelVersion.objects.get()
    assert not version.is_active and version.note == FINDS_BOXES


def test_other_methods_do_not_get_unmarked_images(cast: Cast) -> None:
    first, unmarked = boxed(cast), make_image(cast.project)
    assert files(cast.project, unmarked=False) == [first.pk]
    assert files(cast.project, unmarked=True) == [first.pk, unmarked.pk]
    skipped = make_image(cast.project, skip_reason="duplicate")
    assert skipped.pk not in files(cast.project, unmarked=True)


def test_weights_that_are_not_there_are_named(cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="has no model version 7; it has: none"):
        call_command("model_weights", str(cast.project.pk), "7", str(tmp_path / "w"))
