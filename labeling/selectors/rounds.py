"""Whether another round of training is worth offering. Training itself starts only when a person says so."""

from __future__ import annotations

from labeling.models import JobStatus, Project
from labeling.selectors.interactive import assisting_methods

_COUNTED = [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.SUCCEEDED]


def newly_accepted(project: Project) -> int:
    """Accepted masks that no training has seen: all of them before the first, none while one is going on."""
    runs = project.training_runs.filter(status__in=_COUNTED).exclude(method__in=assisting_methods())
    last = runs.order_by("-id").first()
    images = project.images.filter(accepted_mask__isnull=False)
    if last is None:
        return images.count()
    if last.status != JobStatus.SUCCEEDED:
        return 0
    return images.filter(accepted_at__gt=last.created_at).count()


def offered_round(project: Project) -> int:
    """The number of newly accepted masks if it reaches the project's `retrain_after`, else 0."""
    found = newly_accepted(project)
    return found if found >= project.options.retrain_after else 0
