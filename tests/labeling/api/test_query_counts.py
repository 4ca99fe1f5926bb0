"""A list costs the same number of queries whether it holds one row or many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeling.models import (
    ClassCheck,
    Comment,
    ExportJob,
    ImportItem,
    ImportJob,
    ModelVersion,
    ProposalRun,
    Review,
    Role,
)
from labeling.services import decisions, events
from tests.conftest import Cast, client_for
from tests.factories import (
    make_annotation,
    make_class,
    make_image,
    make_interactive_proposal,
    make_mask,
    make_member,
    make_model_proposal,
    make_project,
    make_run,
    make_user,
    make_version,
)


def more_images(cast: Cast) -> None:
    make_image(cast.project)
    image = make_image(cast.project)
    mask = make_mask(image, created_by=cast.ben)
    decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=cast.ben)
    decisions.skip_image(image=make_image(cast.project), by=cast.ada, reason="other")


def more_of_one_image(cast: Cast) -> None:
    image = cast.project.images.order_by("pk").first() or make_image(cast.project)
    person = make_user()
    annotation = make_annotation(image, person, marks=2)
    make_interactive_proposal(annotation)
    run = make_run(cast.project, status="succeeded", finished_at=timezone.now(), created_by=person)
    version = make_version(cast.project, run=run)
    make_model_proposal(image, version, status="rejected", decided_by=person, decided_at=timezone.now())
    Review.objects.create(
        mask=make_mask(image, created_by=person, model_version=version), reviewer=person, verdict="approved"
    )
    mask = make_mask(image, created_by=person)
    Comment.objects.create(image=image, author=person, text="?", proposed_mask=mask)
    ProposalRun.objects.create(
        project=cast.project, scope="pool", model_version=version, status="failed", finished_at=timezone.now()
    )
    events.record(project=cast.project, verb="a.b", subject=image, image=image, actor=person)


def more_proposals(cast: Cast) -> None:
    version = ModelVersion.objects.filter(project=cast.project).first() or make_version(cast.project)
    make_class(cast.project, index=cast.project.classes.count())
    proposal = make_model_proposal(make_image(cast.project), version)
    ClassCheck.objects.create(
        proposal=make_model_proposal(make_image(cast.project), version),
        label_class=cast.project.classes.get(index=1), author=cast.ada, verdict="right",
    )  # fmt: skip
    assert proposal.mask.pixel_counts["1"]


def more_jobs(cast: Cast) -> None:
    person = make_user()
    job = ImportJob.objects.create(project=cast.project, created_by=person)
    ImportItem.objects.create(job=job, name="a", outcome="rejected")
    ExportJob.objects.create(
        project=cast.project, format="coco", snapshot="s", snapshot_hash="0" * 64, created_by=person
    )


def more_projects(cast: Cast) -> None:
    make_version(make_project(owner=cast.ada), is_active=True)
    make_class(cast.project, index=cast.project.classes.count())
    make_member(cast.project, make_user(), Role.VIEWER)


LISTS: list[tuple[str, Callable[[Cast], None]]] = [
    ("projects", more_projects),
    ("projects/{p}/classes", more_projects),
    ("projects/{p}/members", more_projects),
    ("projects/{p}/progress", more_images),
    ("projects/{p}/events", more_images),
    ("projects/{p}/images", more_images),
    ("projects/{p}/queue?limit=20", more_images),
    ("classes/{c}/crops", more_proposals),
    ("projects/{p}/class-checks", more_proposals),
    ("projects/{p}/queue/recent", more_images),
    ("projects/{p}/imports", more_jobs),
    ("projects/{p}/exports", more_jobs),
    ("projects/{p}/training-runs", more_of_one_image),
    ("projects/{p}/model-versions", more_of_one_image),
    ("projects/{p}/proposal-runs", more_of_one_image),
    ("images/{i}/annotation", more_of_one_image),
    ("images/{i}/proposals", more_of_one_image),
    ("images/{i}/masks", more_of_one_image),
    ("images/{i}/comments", more_of_one_image),
    ("images/{i}/history", more_of_one_image),
]


@pytest.mark.parametrize(("route", "more"), LISTS)
def test_a_longer_list_costs_no_more_queries(cast: Cast, route: str, more: Callable[[Cast], None]) -> None:
    image = make_image(cast.project)
    url = f"/api/v1/{route.format(p=cast.project.pk, i=image.pk, c=cast.project.classes.get(index=1).pk)}"
    client = client_for(cast.ada)

    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            response = client.get(url)
        assert response.status_code == 200
        return len(queries), len(response.content)

    more(cast)
    few, short = cost()
    for _ in range(4):
        more(cast)
    many, long = cost()
    assert long > short, "the list did not grow, so this would prove nothing"
    assert many <= few
