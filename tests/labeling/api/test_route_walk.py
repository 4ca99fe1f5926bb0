"""Every route, every method, every kind of person: who is let in, who is refused, and that refusal changes nothing.

The table is the specification: a route that is not in it fails the first test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from labeling import storage
from labeling.models import Comment, ExportJob, ImportItem, ImportJob, ProposalRun, Review, Upload
from labeling.services.features import store_features
from tests.conftest import Cast, client_for
from tests.factories import (
    make_annotation,
    make_image,
    make_interactive_proposal,
    make_mask,
    make_prior,
    make_run,
    make_tiles,
    make_version,
    photo,
)

# route (converters blanked) -> {method: least role}. "open": no sign-in; "any": signed in; "staff": site admin.
ROUTES: dict[str, dict[str, str]] = {
    "schema/": {"GET": "any"},
    "session": {"GET": "open", "POST": "open", "DELETE": "open"},
    "me/preferences": {"GET": "any", "PUT": "any"},
    "projects": {"GET": "any", "POST": "any"},
    "projects/<>": {"GET": "viewer", "PATCH": "owner"},
    "projects/<>/classes": {"GET": "viewer", "POST": "owner"},
    "classes/<>": {"PATCH": "owner"},
    "projects/<>/members": {"GET": "viewer", "POST": "owner"},
    "members/<>": {"PATCH": "owner", "DELETE": "owner"},
    "projects/<>/progress": {"GET": "viewer"},
    "projects/<>/pace": {"GET": "viewer"},
    "projects/<>/events": {"GET": "viewer"},
    "projects/<>/images": {"GET": "viewer", "POST": "owner"},
    "images/<>": {"GET": "viewer", "DELETE": "owner"},
    "images/<>/file": {"GET": "viewer"},
    "images/<>/thumb": {"GET": "viewer"},
    "images/<>/original": {"GET": "viewer"},
    "images/<>/features/<>": {"GET": "viewer"},
    "images/<>/prior/<>": {"GET": "viewer"},
    "images/<>/tiles/<>/level/<>/column/<>/row/<>": {"GET": "viewer"},
    "images/<>/history": {"GET": "viewer"},
    "images/<>/annotation": {"GET": "viewer", "PUT": "annotator"},
    "images/<>/lease": {"POST": "annotator", "DELETE": "annotator"},
    "images/<>/skip": {"POST": "annotator"},
    "images/<>/reopen": {"POST": "annotator"},
    "images/<>/accept": {"POST": "annotator"},
    "images/<>/proposals": {"GET": "viewer", "POST": "annotator"},
    "images/<>/masks": {"GET": "viewer", "POST": "annotator"},
    "images/<>/comments": {"GET": "viewer", "POST": "annotator"},
    "comments/<>": {"DELETE": "annotator"},
    "comments/<>/resolve": {"POST": "annotator"},
    "comments/<>/reopen": {"POST": "annotator"},
    "proposal-runs/<>": {"GET": "viewer"},
    "proposal-runs/<>/cancel": {"POST": "annotator"},
    "proposals/<>/uncertainty": {"GET": "viewer"},
    "proposals/<>/provenance": {"GET": "viewer"},
    "proposals/<>/crops/<>": {"GET": "viewer"},
    "projects/<>/class-checks": {"GET": "viewer"},
    "classes/<>/crops": {"GET": "viewer"},
    "classes/<>/checks": {"POST": "annotator"},
    "classes/<>/checks/undo": {"POST": "annotator"},
    "proposals/<>/accept": {"POST": "annotator"},
    "proposals/<>/reject": {"POST": "annotator"},
    "masks/<>.png": {"GET": "viewer"},
    "masks/<>/reviews": {"GET": "viewer", "POST": "reviewer"},
    "projects/<>/queue": {"GET": "viewer"},
    "projects/<>/queue/next": {"POST": "annotator"},
    "projects/<>/queue/recent": {"GET": "viewer"},
    "projects/<>/uploads": {"POST": "owner"},
    "uploads/<>": {"GET": "owner", "PATCH": "owner", "DELETE": "owner"},
    "projects/<>/imports": {"GET": "owner", "POST": "owner"},
    "imports/<>": {"GET": "owner"},
    "imports/<>/items": {"GET": "owner"},
    "imports/<>/cancel": {"POST": "owner"},
    "methods": {"GET": "any"},
    "projects/<>/training-runs": {"GET": "viewer", "POST": "owner"},
    "training-runs/<>": {"GET": "viewer"},
    "training-runs/<>/cancel": {"POST": "owner"},
    "projects/<>/model-versions": {"GET": "viewer"},
    "projects/<>/proposal-runs": {"GET": "viewer"},
    "model-versions/<>/activate": {"POST": "owner"},
    "model-versions/<>/withdraw": {"POST": "owner"},
    "model-versions/<>/propose": {"POST": "owner"},
    "export-formats": {"GET": "any"},
    "projects/<>/exports": {"GET": "owner", "POST": "owner"},
    "exports/<>": {"GET": "owner"},
    "exports/<>/file": {"GET": "owner"},
    "exports/<>/cancel": {"POST": "owner"},
    "system/status": {"GET": "staff"},
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LADDER = ("viewer", "annotator", "reviewer", "owner", "staff")
PREFIX = "api/v1/"


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from walk(entry.url_patterns, route)
        else:
            yield route, entry


def api_routes() -> dict[str, str]:
    """Blanked route -> route as written, of everything below /api/v1/."""
    found = [route for route, _ in walk(get_resolver().url_patterns) if route.startswith(PREFIX)]
    return {re.sub(r"<[^>]*>", "<>", route.removeprefix(PREFIX)): route for route in found}


def test_every_route_has_its_roles_written_down() -> None:
    assert sorted(api_routes()) == sorted(ROUTES)


@pytest.fixture
def ids(cast: Cast) -> dict[str, object]:
    """One object of every noun, in Ada's project."""
    project = cast.project
    image = make_image(project, tiles=make_tiles(photo()))
    annotation = make_annotation(image, cast.ben, marks=1)
    mask = make_mask(image)
    Review.objects.create(mask=mask, reviewer=cast.cleo, verdict="approved")
    blob = storage.put("exports", b"zip", suffix="zip")
    export = ExportJob.objects.create(
        project=project, format="coco", snapshot="s", snapshot_hash="0" * 64, status="succeeded",
        finished_at=timezone.now(), file=blob.name, file_sha256=blob.sha256, file_size=3,
    )  # fmt: skip
    job = ImportJob.objects.create(project=project)
    ImportItem.objects.create(job=job, name="a", outcome="rejected")
    proposal = make_interactive_proposal(annotation, uncertainty_blob=image.file)
    run = ProposalRun.objects.create(
        project=project, scope="image", image=image, annotation=annotation, source_revision=1, method="live_head"
    )
    return {
        "projects": project.pk,
        "classes": project.classes.get(index=1).pk,
        "members": project.memberships.get(user=cast.vera).pk,
        "images": image.pk,
        "proposals": proposal.pk,
        "proposal-runs": run.pk,
        "crops": 1,
        "features": store_features(image=image, encoder="e", version=1, data=b"seen").sha256,
        "prior": make_prior(image).sha256,
        "tiles": image.tiles.partition(".")[0][-64:],
        "level": 0,
        "column": 0,
        "row": 0,
        "masks": mask.pk,
        "comments": Comment.objects.create(image=image, author=cast.vera, text="Is this a coin?").pk,
        "masks.png": mask.sha256,
        "uploads": Upload.objects.create(project=project, created_by=cast.ada, name="a.png", size=9).pk,
        "imports": job.pk,
        "training-runs": make_run(project).pk,
        "model-versions": make_version(project).pk,
        "exports": export.pk,
    }


def url_of(route: str, ids: Mapping[str, object]) -> str:
    """The route with the id of the noun that stands before each blank."""

    def fill(match: re.Match[str]) -> str:
        noun = match.group(1)
        after = route[match.end() :]
        return f"{noun}/{ids[noun + '.png' if after.startswith('.png') else noun]}"

    return "/" + PREFIX + re.sub(r"([a-z-]+)/<>", fill, route)


def fingerprint() -> dict[str, list[object]]:
    """Every row of the application, to see that nothing changed."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values_list())
        for model in apps.get_app_config("labeling").get_models()
    }


def people(cast: Cast) -> dict[str, User | None]:
    return {
        "anonymous": None,
        "stranger": cast.dan,
        "viewer": cast.vera,
        "annotator": cast.ben,
        "reviewer": cast.cleo,
        "owner": cast.ada,
        "staff": cast.root,
    }


def expected_refusal(role: str, least: str, route: str) -> int | None:
    """The status of the refusal, or None when the person must be let in."""
    if least == "open":
        return None
    if role == "anonymous":
        return 401
    if least == "any":
        return None
    if least == "staff":
        return None if role == "staff" else 404
    if role == "stranger":
        return 404
    return None if LADDER.index(role) >= LADDER.index(least) else 403


@pytest.mark.parametrize("role", ["anonymous", "stranger", *LADDER])
def test_each_role_meets_exactly_what_the_table_says(cast: Cast, ids: dict[str, object], role: str) -> None:
    client = client_for(people(cast)[role])
    problems = []
    before = fingerprint()
    for route, methods in ROUTES.items():
        for method in METHODS:
            if method not in methods:
                continue
            refusal = expected_refusal(role, methods[method], route)
            if refusal is None and (method != "GET" or route == "schema/"):
                continue  # being let in to change something is each noun's own test
            response = client.generic(method, url_of(route, ids), "{}", content_type="application/json")
            if refusal is None and response.status_code not in {200, 404}:
                problems.append(f"{method} {route}: {response.status_code}, wanted to be let in")
            elif refusal is not None and response.status_code != refusal:
                problems.append(f"{method} {route}: {response.status_code}, wanted {refusal}")
            elif refusal is not None and set(response.json()) != {"code", "message", "detail"}:
                problems.append(f"{method} {route}: the refusal has another shape: {response.content[:80]!r}")
    assert problems == []
    assert fingerprint() == before


def test_a_method_that_a_route_lacks_is_refused_by_name(cast: Cast, ids: dict[str, object]) -> None:
    client = client_for(cast.root)
    wrong = []
    for route, methods in ROUTES.items():
        for method in set(METHODS) - set(methods):
            response = client.generic(method, url_of(route, ids), "{}", content_type="application/json")
            if response.status_code != 405 or response.json()["code"] != "method_not_allowed":
                wrong.append(f"{method} {route}: {response.status_code}")
    assert wrong == []


def test_an_id_that_does_not_exist_reads_like_one_that_is_not_yours(cast: Cast, ids: dict[str, object]) -> None:
    """Otherwise the answer would tell a stranger which ids are taken."""
    stranger = client_for(cast.dan)
    hashes = {"masks.png", "features", "prior", "tiles"}
    missing = {noun: (0 if isinstance(pk, int) else "0" * 64 if noun in hashes else "0" * 8 + str(pk)[8:])
               for noun, pk in ids.items()}  # fmt: skip
    for route, methods in ROUTES.items():
        if "<>" not in route:
            continue
        method = next(iter(methods))
        theirs = stranger.generic(method, url_of(route, ids), "{}", content_type="application/json")
        nobodys = stranger.generic(method, url_of(route, missing), "{}", content_type="application/json")
        assert theirs.status_code == nobodys.status_code == 404, route
        assert theirs.content == nobodys.content, route
