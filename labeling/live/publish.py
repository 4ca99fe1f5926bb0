"""The only sender to live pages. A message is a hint; rows tell the truth, so a lost one costs nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def group_name(project_id: int) -> str:
    """The Channels group of everybody who looks at a project."""
    return f"project.{project_id}"


def project_event(project_id: int, seq: int) -> None:
    """Say that events up to `seq` are committed."""
    _send(project_id, {"type": "project.event", "seq": seq})


def job_progress(project_id: int, job: Mapping[str, object]) -> None:
    """Say how far a job is; not stored."""
    _send(project_id, {"type": "project.progress", "job": dict(job)})


def _send(project_id: int, message: dict[str, object]) -> None:
    try:
        async_to_sync(get_channel_layer().group_send)(group_name(project_id), message)
    except (RedisError, OSError) as error:
        logger.warning("live message for project %s was dropped: %s", project_id, error)
