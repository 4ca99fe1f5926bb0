"""System checks: misconfiguration is told by `manage.py check`, with an id and a hint, not by a crash at first use."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security)
def secret_key_is_own(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A short key, or one somebody printed in a manual, lets anyone forge sessions."""
    if len(settings.SECRET_KEY) >= 40:
        return []
    return [
        Error(
            "SECRET_KEY is shorter than 40 characters.",
            hint="Unset it, and Burnish generates one in var/secret_key; or set SECRET_KEY_FILE.",
            id="burnish.E001",
        )
    ]


@register("burnish")
def folders_are_writable(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Data, uploads and scratch folders must be writable, or must be creatable."""
    problems: list[CheckMessage] = []
    for name in ("VAR_DIR", "UPLOAD_DIR", "SCRATCH_DIR"):
        folder = Path(getattr(settings, name))
        nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if not nearest.is_dir() or shutil.disk_usage(nearest).free < 200 * 2**20:
            problems.append(
                Error(
                    f"{name} ({folder}) has less than 200 MB of room, or is not a folder.",
                    hint="Free some space, or set BURNISH_VAR to a folder on a larger disk.",
                    id="burnish.E002",
                )
            )
    return problems


@register("burnish", deploy=True)
def redis_answers(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Broker, live updates and cache all need Redis."""
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2).ping()
    except (redis.RedisError, OSError) as error:
        return [
            Error(
                f"Redis does not answer at {settings.REDIS_URL} ({error}).",
                hint="Run `manage.py start`, which brings its own, or set REDIS_URL.",
                id="burnish.E003",
            )
        ]
    return []


@register("burnish", deploy=True)
def sqlite_serves_one_machine(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """SQLite is right for one machine only."""
    if str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3") and settings.HOST in {"0.0.0.0", "::"}:
        return [
            Warning(
                "SQLite behind an address that others can reach.",
                hint="Fine for a handful of people on one machine; set DATABASE_URL to PostgreSQL for more.",
                id="burnish.W001",
            )
        ]
    return []
