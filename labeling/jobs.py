"""The only door to Celery: wake a worker up, after the row that it will read is committed."""

from __future__ import annotations

import functools
import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

# Every queue there is; the routes are in the settings. A worker of several takes from each in turn.
QUEUES = ("interactive", "gpu", "default", "encoding")

logger = logging.getLogger(__name__)


def enqueue(name: str, *args: int | str) -> None:
    """Send the task `name` with ids once the current transaction commits.

    The row is the truth: if the broker is away the message is dropped with a warning,
    and the reaper announces the queued row again.
    """
    transaction.on_commit(functools.partial(_send, name, args))


def announce(name: str, *args: int | str, delay_s: float = 0) -> None:
    """Send now; for the reaper and for retries, whose rows are long committed."""
    _send(name, args, delay_s)


def _send(name: str, args: tuple[int | str, ...], delay_s: float = 0) -> None:
    try:
        current_app.tasks[name].apply_async(args=args, countdown=delay_s, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.warning("could not announce %s%r (%s); the reaper will do it again", name, args, error)
