"""Model versions: published by a run, taken into use by a rule or by a person, and asked for proposals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling.errors import Conflict, StaleState
from labeling.models import ACTIVE, ModelVersion, Project, Proposal, ProposalRun, TrainingRun
from labeling.selectors.interactive import assisting_methods, polishing_gain
from labeling.services import events, runs
from labeling.services.proposals import supersede
from models_zoo import get_method, list_methods

KIND_WORDS = {"miou": "mean IoU on accepted masks", "mark_accuracy": "accuracy on held-back marks"}
ANSWERS_MARKS = "Answers marks while somebody draws, where the settings choose it; it makes no proposals by itself."
FINDS_BOXES = (
    "Finds boxes and proposes no masks: `manage.py model_weights` writes its weights to a folder, for the shell."
)


@dataclass(frozen=True, kw_only=True)
class Product:
    """What a run made: stored blobs, the classes it knows and its numbers (`validation` among them)."""

    weights: str
    manifest: str
    class_indices: list[int]
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Whether a fresh version takes over, and why."""

    activates: bool
    note: str


@transaction.atomic
def publish_version(*, run: TrainingRun, product: Product) -> ModelVersion:
    """In one transaction: the version, the run's success, activation where the rule says so, and pool proposals.

    Raises StaleState when the run belongs to another attempt by now; then nothing is stored.
    """
    project = run.project
    Project.objects.filter(pk=project.pk).update(event_seq=F("event_seq"))  # one publisher at a time
    project.refresh_from_db()
    runs.succeed(run)
    last = ModelVersion.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    active = ModelVersion.objects.filter(project=project, is_active=True).first()
    verdict = _verdict(project, run, product, active)
    version = ModelVersion.objects.create(
        project=project,
        run=run,
        number=last + 1,
        weights=product.weights,
        manifest=product.manifest,
        class_indices=product.class_indices,
        metrics=product.metrics,
        note=verdict.note[:300],
    )
    if verdict.activates:
        _activate(version, active, by=None)
    return version


def _verdict(project: Project, run: TrainingRun, product: Product, active: ModelVersion | None) -> Verdict:
    """The rule, for versions that propose; one that only answers marks is never active."""
    info = next((info for info in list_methods() if info.name == run.method), None)
    if info is not None and info.polishes:
        return Verdict(False, _polishing_note(product.metrics))
    if info is not None and info.interactive:
        return Verdict(False, ANSWERS_MARKS)
    if info is not None and info.detects:
        return Verdict(False, FINDS_BOXES)
    is_first = not ModelVersion.objects.filter(project=project).exclude(run__method__in=assisting_methods()).exists()
    return judge(product.metrics, active, auto_activate=project.options.auto_activate, is_first=is_first)


def _polishing_note(metrics: Mapping[str, Any]) -> str:
    """Whether the newest polisher is used is a matter of its figures alone."""
    found = metrics.get("polishing")
    if not found:
        return "Not used: too few accepted masks are held back for validation to show that it helps."
    figures = f"mean IoU of proposals on accepted masks {found['after']:.3f}, without it {found['before']:.3f}"
    return f"Mends proposals: {figures}." if polishing_gain(metrics) > 0 else f"Not used: {figures}."


def judge(metrics: Mapping[str, Any], active: ModelVersion | None, *, auto_activate: bool, is_first: bool) -> Verdict:
    """The rule: the first version in any case; later ones when measured alike and at least as good.

    The active version's number is the one measured anew on this run's val images (`reference`), where there is
    one: what it had when it was made may come from fewer images, or marks instead of masks.
    """
    if is_first:
        return Verdict(True, "In use because it is the first version.")
    if not auto_activate:
        return Verdict(False, "Not in use: this project lets a person choose. Activate it on the models page.")
    if active is None:
        return Verdict(
            False, "Not in use: the last version was withdrawn by a person. Activate this one if you trust it."
        )
    reference = metrics.get("reference") or {}
    is_same = reference.get("number") == active.number
    new, old = _validation(metrics), _validation(reference if is_same else active.metrics)
    if new is None or old is None:
        return Verdict(False, f"Not in use: it could not be measured against version {active.number}.")
    if new[1] != old[1]:
        words = KIND_WORDS.get(new[1], new[1]), KIND_WORDS.get(old[1], old[1])
        return Verdict(
            False, f"Not in use: measured by {words[0]}, version {active.number} by {words[1]}. Compare them."
        )
    comparison = f"{KIND_WORDS.get(new[1], new[1])} {new[0]:.3f}, version {active.number} has {old[0]:.3f}"
    if new[0] >= old[0]:
        return Verdict(True, f"In use: {comparison}.")
    return Verdict(False, f"Not in use: {comparison}.")


def _validation(metrics: Mapping[str, Any]) -> tuple[float, str] | None:
    found = metrics.get("validation") or {}
    value = found.get("value")
    if value is None or not math.isfinite(value):
        return None
    return float(value), str(found.get("kind"))


@transaction.atomic
def activate_version(*, version: ModelVersion, by: User) -> ModelVersion:
    """A person takes a version into use; the pool gets its proposals. Doing it twice changes nothing.

    Raises Conflict `answers_marks`, `mends_proposals` or `finds_boxes` for a version that proposes no masks.
    """
    if version.run.method in assisting_methods():
        raise _makes_no_proposals(version)
    Project.objects.filter(pk=version.project_id).update(event_seq=F("event_seq"))
    version.refresh_from_db()
    if version.is_active:
        return version
    version.note = f"In use since {by.get_username()} activated it."
    _activate(version, ModelVersion.objects.filter(project=version.project, is_active=True).first(), by=by)
    return version


def _makes_no_proposals(version: ModelVersion) -> Conflict:
    info = get_method(version.run.method)
    if info.detects:
        return Conflict(
            _("This version finds boxes and proposes no masks; it cannot be used here."), code="finds_boxes"
        )
    if info.polishes:
        text = _("This version mends the proposals of the model in use and makes none; it needs no activating.")
        return Conflict(text, code="mends_proposals")
    return Conflict(
        _("This version answers marks and makes no proposals; choose it in the project's settings instead."),
        code="answers_marks",
    )


@transaction.atomic
def withdraw_version(*, version: ModelVersion, by: User) -> ModelVersion:
    """Take the active version out of use: its pending proposals go, and the queue is in cold-start order again.

    Raises StaleState when it is not in use.
    """
    note = f"Withdrawn by {by.get_username()}."
    if not ModelVersion.objects.filter(pk=version.pk, is_active=True).update(is_active=False, note=note):
        raise StaleState(_("This version is not in use; there is nothing to withdraw."))
    version.refresh_from_db()
    supersede(Proposal.objects.filter(model_version=version))
    _stop_pool_runs(version.project, by=by)
    data = {"model_version": version.pk, "number": version.number}
    events.record(project=version.project, verb="model.withdrawn", subject=version, actor=by, data=data)
    return version


@transaction.atomic
def request_pool_proposals(*, version: ModelVersion, by: User | None) -> ProposalRun:
    """Queue proposals for every image without an accepted mask that has none of this version yet.

    Raises Conflict: `not_active` for a version that is not in use, `run_active` while one is under way.
    """
    if not version.is_active:
        raise Conflict(_("Activate this version first: people see the proposals of one version."), code="not_active")
    try:
        with transaction.atomic():
            run = ProposalRun.objects.create(
                project=version.project, scope=ProposalRun.Scope.POOL, model_version=version, created_by=by
            )
    except IntegrityError as error:
        raise Conflict(
            _("This version is computing proposals already; wait for it to end."), code="run_active"
        ) from error
    runs.queue(run)
    return run


def _activate(version: ModelVersion, active: ModelVersion | None, *, by: User | None) -> None:
    """Swap the versions, tell it, and start the pool's proposals; call inside a transaction."""
    if active is not None:
        note = f"Replaced by version {version.number}."
        ModelVersion.objects.filter(pk=active.pk).update(is_active=False, note=note)
    version.is_active, version.activated_at = True, timezone.now()
    version.save(update_fields=["is_active", "activated_at", "note"])
    data = {"model_version": version.pk, "number": version.number}
    events.record(project=version.project, verb="model.activated", subject=version, actor=by, data=data)
    _stop_pool_runs(version.project, by=by)
    request_pool_proposals(version=version, by=by)


def _stop_pool_runs(project: Project, *, by: User | None) -> None:
    """Proposals of a version that is no longer in use are of no use."""
    for run in ProposalRun.objects.filter(project=project, scope=ProposalRun.Scope.POOL, status__in=ACTIVE):
        runs.request_cancel(run, by=by)
