"""The Celery application. Tasks live in `labeling.tasks`; only `labeling.jobs` sends messages."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeling.settings.base")

app = Celery("burnish")
app.config_from_object("django.conf:settings", namespace="CELERY")
