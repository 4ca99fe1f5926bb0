"""Reads of the event log."""

from __future__ import annotations

from typing import Any

from labeling.models import Event, Image, Project


def event_row(event: Event) -> dict[str, Any]:
    """The one shape in which events leave the server, by HTTP and by socket."""
    return {
        "seq": event.seq,
        "verb": event.verb,
        "actor": {"id": event.actor.pk, "username": event.actor.username} if event.actor else None,
        "subject": {"type": event.subject_type, "id": event.subject_id},
        "data": event.data,
        "created_at": event.created_at.isoformat(),
    }


def events_after(*, project_id: int, seq: int, limit: int) -> list[dict[str, Any]]:
    """At most `limit` events with a number above `seq`, oldest first."""
    rows = Event.objects.filter(project_id=project_id, seq__gt=seq).select_related("actor").order_by("seq")
    return [event_row(event) for event in rows[:limit]]


def latest_seq(*, project_id: int) -> int:
    """The number of the project's last event, 0 before the first."""
    return Project.objects.filter(pk=project_id).values_list("event_seq", flat=True).first() or 0


def image_history(*, image: Image, limit: int = 200) -> list[dict[str, Any]]:
    """What happened to one image, newest first."""
    rows = Event.objects.filter(image=image).select_related("actor").order_by("-seq")
    return [event_row(event) for event in rows[:limit]]
