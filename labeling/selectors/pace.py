"""How fast a person works, told to that person alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.contrib.auth.models import User

from labeling.models import Event, Project
from labeling.selectors.queue import DECISIONS

# Nobody's work leaves no trace for so long: what is longer was a pause, and counts as this much.
LONGEST_GAP = timedelta(minutes=3)


@dataclass(frozen=True)
class Pace:
    """Images decided about, and the seconds of work between the first and the last trace of it."""

    images: int
    seconds: float


def own_pace(project: Project, user: User, *, since: datetime) -> Pace:
    """What the person did in the project since a moment; marks and decisions are the traces of work."""
    rows = Event.objects.filter(project=project, actor=user, created_at__gte=since).order_by()
    traces = list(rows.filter(verb__in=[*DECISIONS, "annotation.saved"]).values_list("created_at", "verb", "image"))
    images = {image for _, verb, image in traces if verb in DECISIONS}
    return Pace(len(images), _worked([moment for moment, _, _ in traces]))


def _worked(moments: Sequence[datetime]) -> float:
    ordered = sorted(moments)
    gaps = (after - before for before, after in pairwise(ordered))
    return sum((min(gap, LONGEST_GAP) for gap in gaps), timedelta()).total_seconds()
