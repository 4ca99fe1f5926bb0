"""A project trains a click network on its own accepted masks and then lets it answer marks."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labeling.errors import Conflict, Invalid
from labeling.ml.segmenters import segmenters, warm_up
from labeling.models import Event, Image, ModelVersion, Project, Proposal, ProposalRun, TrainingRun
from labeling.selectors.interactive import usable_methods
from labeling.selectors.rounds import newly_accepted
from labeling.services.annotations import save_annotation
from labeling.services.model_versions import Product, activate_version, publish_version
from labeling.services.projects import update_project
from labeling.tasks import interactive
from labeling.tasks.training import train
from tests.conftest import Cast
from tests.factories import make_image, make_mask, make_run, make_version
from tests.labeling.training_cast import start
from tests.models_zoo.interactive.small_files import write_decoder, write_encoder

# Heartbeats come from a thread with a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)

QUICK = {"steps": 2, "image_size": 64, "batch_size": 2}


@pytest.fixture(autouse=True)
def forget_images() -> None:
    segmenters.__init__()  # type: ignore[misc]


def accept(project: Project, *, split: str = "train", count: int = 1) -> list[Image]:
    images = [make_image(project, split=split) for _ in range(count)]
    for image in images:
        image.accepted_mask, image.accepted_at = make_mask(image), timezone.now()
        image.save()
    return images


def choose(cast: Cast, method: str) -> None:
    update_project(project=cast.project, by=cast.ada, settings={"interactive_method": method})


def ask(cast: Cast, image: Image, method: str) -> ProposalRun:
    point = {"id": str(uuid.uuid4()), "kind": "point", "class_index": 1, "geometry": {"x": 16.0, "y": 14.0}}
    run = save_annotation(image=image, author=cast.ben, revision=0, marks=[point], propose=method).run
    assert run is not None
    interactive.propose(run.pk)
    run.refresh_from_db()
    return run


def test_a_trained_network_answers_marks_and_is_never_active(cast: Cast) -> None:
    accept(cast.project, count=2)
    accept(cast.project, split="val")
    training = start(cast, method="click_net", config=QUICK)
    assert (training.num_images, training.mark_kinds) == (2, [])
    train(training.pk)
    training.refresh_from_db()
    assert (training.status, training.error) == ("succeeded", "")
    version = ModelVersion.objects.get()
    assert not version.is_active and "makes no proposals by itself" in version.note
    assert version.metrics["validation"]["kind"] == "click_iou" and version.metrics["validation"]["n"] == 1
    assert not ProposalRun.objects.exists() and not Event.objects.filter(verb="model.activated").exists()
    choose(cast, "click_net")
    run = ask(cast, make_image(cast.project), "click_net")
    assert (run.status, run.error) == ("succeeded", "")
    assert Proposal.objects.get().method == "click_net"


def test_a_newer_version_answers_from_then_on(cast: Cast) -> None:
    accept(cast.project, count=2)
    for seed in (0, 1):
        train(start(cast, method="click_net", config=QUICK, seed=seed).pk)
    image = make_image(cast.project)
    assert ask(cast, image, "click_net").status == "succeeded"
    (key,) = segmenters._ready
    newest = ModelVersion.objects.get(number=2)
    assert newest.manifest.split("/")[-1].removesuffix(".json") == key.files[0][1].name


def test_without_an_accepted_mask_nothing_starts(cast: Cast) -> None:
    make_image(cast.project)
    with pytest.raises(Invalid, match="accept some masks"):
        start(cast, method="click_net", config=QUICK)
    assert not TrainingRun.objects.exists()


# --- which methods a project may choose --------------------------------------------------------------


def click_version(project: Project) -> ModelVersion:
    return make_version(
        project, run=make_run(project, method="click_net", status="succeeded", finished_at="2026-01-01T00:00Z")
    )


def test_it_can_be_chosen_only_once_it_is_trained(cast: Cast, client: Client) -> None:
    client.force_login(cast.ada)
    page = f"/projects/{cast.project.pk}/settings/"
    with pytest.raises(Invalid, match="has to be trained first"):
        choose(cast, "click_net")
    cast.project.refresh_from_db()
    assert cast.project.options.interactive_method == "live_head"
    assert b"Click network" not in client.get(page).content
    click_version(cast.project)
    assert b"Click network" in client.get(page).content
    choose(cast, "click_net")
    cast.project.refresh_from_db()
    assert cast.project.options.interactive_method == "click_net"


def test_another_project_does_not_get_it(cast: Cast) -> None:
    other = Project.objects.create(name="other", slug="other")
    click_version(other)
    assert "click_net" not in {info.name for info in usable_methods(cast.project)}
    assert "click_net" in {info.name for info in usable_methods(other)}


@pytest.mark.parametrize("method", ["click_net", "sam_onnx"])
def test_asking_a_method_that_is_not_ready_is_refused_and_saves_nothing(cast: Cast, method: str) -> None:
    image = make_image(cast.project)
    with pytest.raises(Invalid) as caught:
        ask(cast, image, method)
    assert caught.value.code == "method_not_ready"
    assert not ProposalRun.objects.exists() and not image.annotations.exists()


def test_a_chosen_method_stays_while_other_settings_change(cast: Cast) -> None:
    Project.objects.filter(pk=cast.project.pk).update(settings_json={"interactive_method": "click_net"})
    cast.project.refresh_from_db()
    update_project(project=cast.project, by=cast.ada, settings={"interactive_method": "click_net", "retrain_after": 7})
    assert cast.project.options.retrain_after == 7


# --- versions that answer beside versions that propose -----------------------------------------------


def publish(cast: Cast, method: str) -> ModelVersion:
    run = make_run(cast.project, method=method)
    assert run.claim()
    metrics = {"validation": {"value": 0.5, "kind": "miou", "n": 9, "per_class": {}}}
    return publish_version(run=run, product=Product(weights="w", manifest="m", class_indices=[0, 1], metrics=metrics))


def test_the_first_version_that_proposes_is_active_whatever_came_before(cast: Cast) -> None:
    assert not publish(cast, "click_net").is_active
    assert publish(cast, "seeded_segmentation").is_active
    assert not publish(cast, "click_net").is_active
    assert ModelVersion.objects.get(is_active=True).number == 2


def test_nobody_can_activate_it(cast: Cast, client: Client) -> None:
    version = click_version(cast.project)
    with pytest.raises(Conflict) as caught:
        activate_version(version=version, by=cast.ada)
    assert caught.value.code == "answers_marks"
    client.force_login(cast.ada)
    (row,) = client.get(f"/api/v1/projects/{cast.project.pk}/model-versions").json()["results"]
    assert (row["proposes"], row["is_active"]) == (False, False)


def test_training_it_leaves_the_offer_of_another_round_alone(cast: Cast) -> None:
    accept(cast.project, count=3)
    make_run(cast.project, method="click_net", status="succeeded", finished_at="2026-01-01T00:00Z")
    assert newly_accepted(cast.project) == 3


# --- files that a site brings ------------------------------------------------------------------------


def test_files_on_the_server_make_segment_anything_a_choice(cast: Cast, tmp_path: Path, settings: Any) -> None:
    settings.SAM_ENCODER = str(write_encoder(tmp_path / "encoder.onnx"))
    with pytest.raises(Invalid, match="SAM_ENCODER, SAM_DECODER"):
        choose(cast, "sam_onnx")
    settings.SAM_DECODER = str(write_decoder(tmp_path / "decoder.onnx"))
    choose(cast, "sam_onnx")
    run = ask(cast, make_image(cast.project), "sam_onnx")
    assert (run.status, run.error) == ("succeeded", "")
    assert Proposal.objects.get().method == "sam_onnx"


def test_a_wrong_file_ends_the_request_with_a_sentence(cast: Cast, tmp_path: Path, settings: Any) -> None:
    settings.SAM_ENCODER = settings.SAM_DECODER = str(tmp_path / "text.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    run = ask(cast, make_image(cast.project), "sam_onnx")
    assert run.status == "failed" and "text.onnx is not an ONNX file" in run.error
    assert not Proposal.objects.exists()


def test_warming_up_needs_no_files() -> None:
    warm_up()
