"""Weights between a training folder and storage: safetensors and a JSON manifest, checked by hash on the way back."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings

from labeling import storage
from labeling.errors import PermanentError
from labeling.models import ModelVersion

WEIGHTS = "weights.safetensors"
MANIFEST = "manifest.json"


def store(folder: Path) -> tuple[str, str]:
    """Keep a weights folder; returns the blob names of weights and manifest."""
    weights = storage.put_file("weights", folder / WEIGHTS, suffix="safetensors")
    manifest = storage.put_file("manifests", folder / MANIFEST, suffix="json")
    return weights.name, manifest.name


def class_indices(folder: Path) -> list[int]:
    """The classes that the weights know, from their manifest."""
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    return [int(item["index"]) for item in manifest["classes"]]


def cache_folder() -> Path:
    """Where fetched weights lie; anything in it may be removed at any time."""
    return Path(settings.SCRATCH_DIR) / "weights"


def fetch(version: ModelVersion) -> Path:
    """The version's weights folder, fetched once and kept.

    Raises OSError when storage cannot be reached, PermanentError when the bytes are not those that were stored.
    """
    folder = cache_folder() / PurePosixPath(version.manifest).name.removesuffix(".json")
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as temporary:
        part = Path(temporary) / "weights"
        part.mkdir()
        for name, blob in ((WEIGHTS, version.weights), (MANIFEST, version.manifest)):
            storage.copy_to(blob, part / name)
            _check(part / name, blob)
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was faster, with the same bytes
                raise
    return folder


def _check(path: Path, blob: str) -> None:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != PurePosixPath(blob).name.split(".")[0]:
        raise PermanentError(f"{path.name} of this model version is damaged in storage. Train again.")
