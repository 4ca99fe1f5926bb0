"""What an admin wants to know at a glance: queues, workers, jobs, room."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.db.models import Count
from kombu.exceptions import OperationalError

from labeling import __version__
from labeling.jobs import QUEUES
from labeling.models import ExportJob, ImportJob, ProposalRun, TrainingRun


def system_status() -> dict[str, Any]:
    """Never raises because a part is down: that is what the page is for."""
    up = _redis_answers()
    return {
        "version": __version__,
        "redis": up,
        "queues": [{"name": name, "length": _queue_length(name) if up else None} for name in QUEUES],
        "workers": _workers() if up else [],
        "jobs": {model.kind: _job_counts(model) for model in (TrainingRun, ProposalRun, ImportJob, ExportJob)},
        "storage": _room(),
    }


def _redis_answers() -> bool:
    try:
        return bool(redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1).ping())
    except (redis.RedisError, OSError):
        return False


def _queue_length(name: str) -> int | None:
    """Messages nobody has taken yet; asked passively, so that asking makes no queue. None if it can't be told."""
    with current_app.connection_or_acquire() as connection:
        try:
            return int(connection.default_channel.queue_declare(queue=name, passive=True).message_count)
        except connection.channel_errors:
            return 0  # no such queue: Redis keeps none that is empty
        except (*connection.connection_errors, OperationalError):
            return None


def _workers() -> list[dict[str, Any]]:
    """Workers that answered a ping within a second."""
    inspect = current_app.control.inspect(timeout=1.0)
    try:
        queues, active = inspect.active_queues() or {}, inspect.active() or {}
    except (OperationalError, OSError, redis.RedisError):
        return []
    return [
        {
            "name": name,
            "queues": [queue["name"] for queue in taken],
            "active": [task["name"] for task in active.get(name, [])],
        }
        for name, taken in sorted(queues.items())
    ]


def _job_counts(model: Any) -> dict[str, int]:
    return dict(model.objects.order_by().values_list("status").annotate(n=Count("pk")))


def _room() -> dict[str, int]:
    folder = Path(settings.VAR_DIR)
    usage = shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.exists()))
    return {"bytes_free": usage.free, "bytes_total": usage.total}
