"""A real Celery worker on the test database, to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """The URL of the test database, as another process needs it."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    account = ":".join(quote(str(part)) for part in (values["USER"], values["PASSWORD"]) if part)
    return f"postgresql://{account}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


@contextmanager
def worker(queues: str, log: Path, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with one child on `queues`, in a process group of its own; killed at the end whatever happens."""
    own = {
        "DJANGO_SETTINGS_MODULE": "labeling.settings.base",
        "BURNISH_VAR": str(settings.VAR_DIR),
        "BURNISH_MEDIA": str(settings.MEDIA_ROOT),
        "BURNISH_SCRATCH": str(settings.SCRATCH_DIR),
        "BURNISH_UPLOADS": str(settings.UPLOAD_DIR),
        "DATABASE_URL": database_url(),
        "DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "celery", "-A", "labeling", "worker", "-Q", queues, "-c", "1", "-l", "info"]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | own | environ, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 the worker and its child at once."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(timeout=30)
