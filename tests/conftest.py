"""Shared fixtures: a real Redis for the whole run, and the cast: Ada owns, Ben annotates, Dan is a stranger."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import translation
from rest_framework.test import APIClient

from labeling.models import Project, Role
from labeling.runtime import ensure_runtime_dir, find_redis, redis_command
from tests.factories import make_member, make_project, make_user


@pytest.fixture(scope="session", autouse=True)
def own_redis() -> Iterator[None]:
    """Start a Redis of our own on the test settings' socket, unless REDIS_URL names one."""
    if os.environ.get("REDIS_URL"):
        yield
        return
    ensure_runtime_dir(settings.VAR_DIR)
    server = subprocess.Popen(redis_command(find_redis(), settings.VAR_DIR), stdout=subprocess.DEVNULL)
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 100),  # type: ignore[arg-type]
        retry_on_error=[redis.ConnectionError],
    )
    client.ping()
    yield
    server.terminate()
    server.wait(timeout=10)


@pytest.fixture(autouse=True)
def own_language() -> None:
    """A request in German leaves its thread speaking German; the next test starts in English."""
    translation.activate(settings.LANGUAGE_CODE)


@pytest.fixture(autouse=True)
def own_folders(settings: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Files of one test never meet those of another."""
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    settings.UPLOAD_DIR = tmp_path / "uploads"  # type: ignore[attr-defined]
    settings.SCRATCH_DIR = tmp_path / "scratch"  # type: ignore[attr-defined]
    settings.STORAGES = settings.STORAGES | {  # type: ignore[attr-defined]
        "default": {
            "BACKEND": "labeling.filestore.AtomicFileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media"},
        }
    }


@dataclass
class Cast:
    """Everybody a permission test needs, and the project they meet in."""

    ada: User  # owner
    ben: User  # annotator
    cleo: User  # reviewer
    vera: User  # viewer
    dan: User  # stranger
    root: User  # site admin
    project: Project


@pytest.fixture
def cast(db: None) -> Cast:
    ada = make_user("ada")
    project = make_project(owner=ada)
    ben, cleo, vera = make_user("ben"), make_user("cleo"), make_user("vera")
    make_member(project, ben, Role.ANNOTATOR)
    make_member(project, cleo, Role.REVIEWER)
    make_member(project, vera, Role.VIEWER)
    root = make_user("root", is_staff=True, is_superuser=True)
    return Cast(ada=ada, ben=ben, cleo=cleo, vera=vera, dan=make_user("dan"), root=root, project=project)


def client_for(user: User | None) -> APIClient:
    """An API client signed in as `user`."""
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client
