"""Record what happened, in commit order, and tell open pages after the commit."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import F

from labeling.live import publish
from labeling.models import Event, Image, Project


def record(
    *,
    project: Project,
    verb: str,
    subject: models.Model,
    actor: User | None = None,
    image: Image | None = None,
    data: Mapping[str, object] | None = None,
) -> Event:
    """Append an event; must run inside the transaction of the change it tells.

    The number comes from the project's row, which stays locked until the commit: readers
    therefore never see number n + 1 before n (ids would be dealt at insert, not at commit).
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("record an event inside the transaction of what it tells")
    Project.objects.filter(pk=project.pk).update(event_seq=F("event_seq") + 1)
    seq = Project.objects.values_list("event_seq", flat=True).get(pk=project.pk)
    event = Event.objects.create(
        project=project,
        seq=seq,
        actor=actor,
        verb=verb,
        subject_type=str(subject._meta.model_name),
        subject_id=subject.pk,
        image=image,
        data=dict(data or {}),
    )
    transaction.on_commit(functools.partial(publish.project_event, project.pk, seq))
    return event
