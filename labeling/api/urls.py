"""All routes of /api/v1: each noun's module lists its own."""

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

import labeling.api.schema  # noqa: F401  (registers itself)

NOUNS = [
    "session",
    "preferences",
    "projects",
    "images",
    "tiles",
    "annotations",
    "proposals",
    "checking",
    "masks",
    "comments",
    "queue",
    "uploads",
    "imports",
    "training",
    "model_versions",
    "exports",
    "methods",
    "system",
]
urlpatterns = [
    path("schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    *[path("", include(f"labeling.api.{noun}")) for noun in NOUNS],
]
