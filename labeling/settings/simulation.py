"""Settings of `manage.py simulate`: a scratch SQLite and storage under BURNISH_VAR, and no Redis.

Messages to workers go into a queue that nobody reads: the simulation calls the same task functions itself.
"""

import os

from labeling.settings.base import *  # noqa: F403
from labeling.settings.base import STORAGES, VAR_DIR
from labeling.settings.env import database_settings

if not os.environ.get("BURNISH_VAR"):
    raise RuntimeError("these settings belong to `manage.py simulate`, which sets BURNISH_VAR to a scratch folder")
VAR_DIR.mkdir(parents=True, exist_ok=True)

# Set outright, so that nothing in the environment leads to a real database or to real files.
DATABASES = {"default": database_settings(f"sqlite:///{VAR_DIR}/db.sqlite3")}
MEDIA_ROOT, UPLOAD_DIR, SCRATCH_DIR = VAR_DIR / "media", VAR_DIR / "uploads", VAR_DIR / "scratch"
STORAGES = STORAGES | {
    "default": {
        "BACKEND": "labeling.filestore.AtomicFileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT},
    }
}
CELERY_BROKER_URL = "memory://localhost/"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
