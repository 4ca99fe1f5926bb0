"""Reads of training runs, model versions and proposal runs, ready to be shown."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from labeling.models import (
    AcquisitionScore,
    Image,
    Job,
    JobStatus,
    ModelVersion,
    Project,
    Proposal,
    ProposalRun,
    TrainingRun,
)


def training_runs(project: Project) -> QuerySet[TrainingRun]:
    """Newest first, with who started them and what they made."""
    return project.training_runs.select_related("created_by", "model_version").order_by("-id")


def model_versions(project: Project) -> QuerySet[ModelVersion]:
    """Newest first, with their runs."""
    return project.model_versions.select_related("run").order_by("-id")


def pool_runs(project: Project) -> QuerySet[ProposalRun]:
    """Runs over the whole pool, newest first; a stroke's own run is looked up by its id."""
    return project.proposal_runs.filter(scope=ProposalRun.Scope.POOL).select_related("model_version").order_by("-id")


def active_version(project: Project) -> ModelVersion | None:
    """The version whose proposals and order people see."""
    return project.model_versions.filter(is_active=True).first()


def pool_images(project: Project) -> QuerySet[Image]:
    """Images that a person has neither accepted a mask for nor skipped."""
    return project.images.filter(accepted_mask=None, skip_reason="")


def images_to_propose(run: ProposalRun) -> QuerySet[Image]:
    """The pool without images that already have this version's proposal and score, in the queue's tie-break order.

    A proposal that was put aside counts only if this very run made it, so that a repeated run offers anew what
    was reopened since, and a resumed one never offers twice.
    """
    proposals = Proposal.objects.filter(image=OuterRef("pk"), model_version=run.model_version)
    standing = proposals.filter(~Q(status=Proposal.Status.SUPERSEDED) | Q(run=run))
    scores = AcquisitionScore.objects.filter(image=OuterRef("pk"), model_version=run.model_version)
    return pool_images(run.project).exclude(Exists(standing) & Exists(scores)).order_by("order_key", "pk")


def eta_s(job: Job) -> float | None:
    """Seconds left by the pace of this attempt so far; None before there is a pace."""
    if job.status != JobStatus.RUNNING or not job.done or job.started_at is None:
        return None
    elapsed = (timezone.now() - job.started_at).total_seconds()
    return round(elapsed / job.done * max(0, job.total - job.done), 1)
