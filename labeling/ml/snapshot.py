"""From a frozen snapshot (one blob) to the folder that `models_zoo` reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage

from labeling import storage
from labeling.errors import PermanentError
from models_zoo import SnapshotClass, SnapshotError, SnapshotImage, SnapshotSpec, mark_from_json, write_manifest


def materialise(blob: str, folder: Path, *, check: Callable[[], None] = lambda: None) -> Path:
    """Fill `folder` with manifest, pictures and masks; what is there from an earlier attempt stays.

    `check` is called now and then and may raise to stop. Raises OSError when a blob cannot be fetched,
    PermanentError when the snapshot does not fit its hash.
    """
    content = json.loads(storage.read(blob))
    for number, (file, name) in enumerate(sorted(content["blobs"].items())):
        if number % 50 == 0:
            check()
        _fetch(name, _inside(folder, file))
    try:
        digest = write_manifest(folder, _spec(content))
    except SnapshotError as error:
        raise PermanentError(f"The snapshot of this run cannot be used ({error}). Start a new run.") from error
    if digest != content["hash"]:
        raise PermanentError("The snapshot of this run does not fit its hash. Start a new run.")
    return folder


def _spec(content: dict[str, Any]) -> SnapshotSpec:
    return SnapshotSpec(
        classes=tuple(SnapshotClass(**{**item, "color": tuple(item["color"])}) for item in content["classes"]),
        images=tuple(
            SnapshotImage(**{**item, "marks": tuple(mark_from_json(mark) for mark in item["marks"])})
            for item in content["images"]
        ),
    )


def _inside(folder: Path, file: str) -> Path:
    target = (folder / file).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise PermanentError("The snapshot of this run names a file outside its folder. Start a new run.")
    return target


def _fetch(name: str, target: Path) -> None:
    """Link the blob where it lies on the same disk, copy it otherwise; the file appears whole or not at all."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(default_storage.path(name), target)
    except FileNotFoundError:
        raise
    except (NotImplementedError, OSError):
        temporary = target.with_name(target.name + ".part")
        storage.copy_to(name, temporary)
        temporary.replace(target)
