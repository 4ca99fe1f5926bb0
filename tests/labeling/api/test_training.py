"""Training, model versions and methods over HTTP: works, bad input, missing, and not yours: nothing changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from labeling.models import ModelVersion, ProposalRun, TrainingRun
from tests.conftest import Cast, client_for
from tests.factories import make_annotation, make_image, make_project, make_run, make_version
from tests.labeling.training_cast import QUICK, make_pictures


def runs_url(cast: Cast) -> str:
    return reverse("api-training-runs", args=[cast.project.pk])


def launch(cast: Cast, **body: Any) -> Any:
    return client_for(cast.ada).post(runs_url(cast), {"method": "seeded_segmentation", **body})


def test_an_owner_launches_and_members_watch(cast: Cast) -> None:
    make_pictures(cast)
    body = launch(cast, config=QUICK, marks=["point"], splits=["train"], seed=3)
    assert body.status_code == 201, body.data
    assert (body.data["status"], body.data["number"], body.data["seed"]) == ("queued", 1, 3)
    assert (body.data["num_images"], body.data["num_marks"], body.data["marks"]) == (2, 4, ["point"])
    assert body.data["model_version"] is None
    client = client_for(cast.vera)
    listed = client.get(runs_url(cast)).data["results"]
    assert [row["id"] for row in listed] == [body.data["id"]]
    assert client.get(reverse("api-training-run", args=[body.data["id"]])).data["curve"] == []


def test_settings_may_be_left_out(cast: Cast) -> None:
    make_pictures(cast)
    body = launch(cast)
    assert body.status_code == 201
    assert body.data["marks"] == ["tag", "point", "scribble", "box"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"config": {"steps": "many"}}, "bad_config"),
        ({"method": "magic"}, "unknown_method"),
        ({"splits": ["test", "train"]}, "bad_splits"),
        ({"marks": ["box"]}, "no_training_data"),
        ({"colour": 1}, "invalid"),
        ({"seed": -1}, "invalid"),
        ({"config": [1]}, "invalid"),
    ],
)
def test_bad_launches_are_refused(cast: Cast, fields: dict[str, Any], code: str) -> None:
    make_pictures(cast)
    body = launch(cast, **fields)
    assert (body.status_code, body.data["code"]) == (400, code)
    assert not TrainingRun.objects.exists()


def test_a_bad_setting_is_named(cast: Cast) -> None:
    make_pictures(cast)
    assert launch(cast, config={"steps": "many"}).data["detail"] == {"steps": "must be a whole number."}


def test_a_second_launch_conflicts(cast: Cast) -> None:
    make_pictures(cast)
    first = launch(cast).data["id"]
    body = launch(cast)
    assert (body.status_code, body.data["code"], body.data["detail"]) == (409, "run_active", {"training_run": first})


@pytest.mark.parametrize(("who", "status"), [("ben", 403), ("cleo", 403), ("vera", 403), ("dan", 404)])
def test_others_do_not_launch(cast: Cast, who: str, status: int) -> None:
    make_pictures(cast)
    assert client_for(getattr(cast, who)).post(runs_url(cast), {"method": "x"}).status_code == status
    assert not TrainingRun.objects.exists()


def test_a_site_admin_launches(cast: Cast) -> None:
    make_pictures(cast)
    assert client_for(cast.root).post(runs_url(cast), {"method": "seeded_segmentation"}).status_code == 201


def test_a_queued_run_is_cancelled_at_once_and_only_once(cast: Cast) -> None:
    run = make_run(cast.project)
    url = reverse("api-training-run-cancel", args=[run.pk])
    assert client_for(cast.ada).post(url).data["status"] == "cancelled"
    again = client_for(cast.ada).post(url)
    assert (again.status_code, again.data["code"]) == (409, "stale_state")


def test_a_running_run_is_asked_to_stop(cast: Cast) -> None:
    run = make_run(cast.project)
    run.claim()
    body = client_for(cast.ada).post(reverse("api-training-run-cancel", args=[run.pk])).data
    assert (body["status"], body["cancel_requested"]) == ("running", True)


def test_pace_gives_the_time_left(cast: Cast) -> None:
    run = make_run(cast.project, done=10, total=40)
    run.claim()
    TrainingRun.objects.update(started_at=timezone.now() - timedelta(seconds=100))
    body = client_for(cast.vera).get(reverse("api-training-run", args=[run.pk])).data
    assert 299 <= body["eta_s"] <= 330


def test_versions_are_listed_activated_and_withdrawn(cast: Cast) -> None:
    first, second = make_version(cast.project, is_active=True), make_version(cast.project)
    client = client_for(cast.ada)
    listed = client.get(reverse("api-model-versions", args=[cast.project.pk])).data["results"]
    assert [(row["number"], row["is_active"]) for row in listed] == [(2, False), (1, True)]
    assert listed[0]["method"] == "seeded_segmentation"
    activated = client.post(reverse("api-model-version-activate", args=[second.pk])).data
    assert activated["is_active"]
    assert ModelVersion.objects.get(pk=first.pk).note == "Replaced by version 2."
    withdrawn = client.post(reverse("api-model-version-withdraw", args=[second.pk])).data
    assert (withdrawn["is_active"], withdrawn["note"]) == (False, "Withdrawn by ada.")


def test_proposals_are_asked_for_again(cast: Cast) -> None:
    version = make_version(cast.project, is_active=True)
    client = client_for(cast.ada)
    body = client.post(reverse("api-model-version-propose", args=[version.pk]))
    assert body.status_code == 202
    listed = client.get(reverse("api-proposal-runs", args=[cast.project.pk])).data["results"]
    assert [(row["id"], row["scope"], row["status"]) for row in listed] == [
        (body.data["proposal_run"], "pool", "queued")
    ]
    cancelled = client.post(reverse("api-proposal-run-cancel", args=[body.data["proposal_run"]])).data
    assert cancelled["status"] == "cancelled"


def test_an_annotator_stops_an_images_run_but_not_the_pools(cast: Cast) -> None:
    version = make_version(cast.project, is_active=True)
    annotation = make_annotation(make_image(cast.project), cast.ben, marks=1)
    pool = ProposalRun.objects.create(project=cast.project, scope="pool", model_version=version)
    own = ProposalRun.objects.create(
        project=cast.project,
        scope="image",
        image=annotation.image,
        annotation=annotation,
        source_revision=1,
        method="live_head",
    )
    client = client_for(cast.ben)
    assert client.post(reverse("api-proposal-run-cancel", args=[pool.pk])).status_code == 403
    assert client.post(reverse("api-proposal-run-cancel", args=[own.pk])).data["status"] == "cancelled"
    assert client.get(reverse("api-proposal-run", args=[own.pk])).data["proposal_id"] is None


@pytest.mark.parametrize("noun", ["activate", "withdraw", "propose"])
@pytest.mark.parametrize(("who", "status"), [("cleo", 403), ("dan", 404)])
def test_versions_are_the_owners_to_move(cast: Cast, noun: str, who: str, status: int) -> None:
    version = make_version(cast.project)
    url = reverse(f"api-model-version-{noun}", args=[version.pk])
    assert client_for(getattr(cast, who)).post(url).status_code == status
    version.refresh_from_db()
    assert (version.is_active, ProposalRun.objects.count()) == (False, 0)


def test_a_stranger_learns_nothing_from_an_id(cast: Cast) -> None:
    run = make_run(cast.project)
    client = client_for(cast.dan)
    there = client.get(reverse("api-training-run", args=[run.pk]))
    nowhere = client.get(reverse("api-training-run", args=[run.pk + 1_000]))
    assert (there.status_code, there.data) == (nowhere.status_code, nowhere.data)


def test_lists_hold_one_projects_rows(cast: Cast) -> None:
    make_run(make_project(owner=cast.ada))
    assert client_for(cast.ada).get(runs_url(cast)).data["results"] == []


def test_methods_describe_their_settings(cast: Cast) -> None:
    body = client_for(cast.dan).get(reverse("api-methods")).data
    method = body["methods"][0]
    assert method["name"] == "seeded_segmentation"
    assert method["accepts"] == ["tag", "point", "scribble", "box"]
    steps = next(field for field in method["fields"] if field["name"] == "steps")
    assert (steps["kind"], steps["default"], steps["minimum"]) == ("int", 0, 0)
    assert all(field["help"] for field in method["fields"])
    assert "entropy" in body["acquisitions"]
    assert "live_head" in body["interactive"]


def test_curves_are_told_one_run_at_a_time(cast: Cast) -> None:
    run = make_run(cast.project, curve=[{"step": 1, "loss": 0.5}])
    client = client_for(cast.vera)
    assert client.get(runs_url(cast)).data["results"][0]["curve"] == []
    assert client.get(reverse("api-training-run", args=[run.pk])).data["curve"] == run.curve
