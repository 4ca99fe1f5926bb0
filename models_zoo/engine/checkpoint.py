"""Checkpoints: safetensors plus a JSON manifest with its hash, written atomically, never a pickle.

A folder is written under a temporary name, flushed and renamed; a reader therefore sees a whole checkpoint or
none. What does not match its hash is ignored, and the one before it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

FORMAT = 1
WEIGHTS = "weights.safetensors"
MANIFEST = "manifest.json"
_NAME = re.compile(r"checkpoint-(\d{8})")


class CheckpointError(ValueError):
    """A folder does not hold a whole, undamaged set of weights."""


def save_folder(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, object]) -> None:
    """Write tensors and manifest as `folder`, replacing what was there; crash-safe.

    Args:
        folder: where; its parent is created.
        tensors: saved contiguous and on the CPU.
        about: JSON values for the manifest; `format` and `sha256` are added.
    """
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(plain, temporary / WEIGHTS)
    manifest = {"format": FORMAT, "sha256": file_sha256(temporary / WEIGHTS), **about}
    (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False) + "\n")
    for path in (temporary / WEIGHTS, temporary / MANIFEST, temporary):
        _flush(path)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
    _flush(folder.parent)


def load_folder(folder: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Read tensors and manifest back after checking the hash.

    Raises:
        CheckpointError: missing, damaged or of a newer format.
    """
    manifest = load_manifest(folder)
    try:
        if file_sha256(folder / WEIGHTS) != manifest.get("sha256"):
            raise CheckpointError(f"{folder.name}: the weights do not match their hash; train again")
        return load_file(folder / WEIGHTS), manifest
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder.name}: the weights cannot be read; train again") from error


def load_manifest(folder: Path) -> dict[str, object]:
    """The manifest alone; raises CheckpointError like `load_folder`."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder.name}: {MANIFEST} is missing or damaged; train again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CheckpointError(f"{folder.name}: written in a format this version does not read; train again")
    return manifest


def save_step(work_dir: Path, step: int, tensors: Mapping[str, Tensor], about: Mapping[str, object]) -> None:
    """Write the checkpoint of a step and drop older ones."""
    current = work_dir / f"checkpoint-{step:08d}"
    save_folder(current, tensors, {**about, "step": step})
    for number, folder in _checkpoints(work_dir):
        if number < step:
            shutil.rmtree(folder, ignore_errors=True)


def load_latest(work_dir: Path, run_key: str) -> tuple[dict[str, Tensor], dict[str, object]] | None:
    """The newest undamaged checkpoint of this very run (same `run_key`), or None."""
    for _, folder in sorted(_checkpoints(work_dir), reverse=True):
        try:
            tensors, manifest = load_folder(folder)
        except CheckpointError:
            continue
        if manifest.get("run_key") == run_key:
            return tensors, manifest
    return None


def remove_steps(work_dir: Path) -> None:
    """Drop all step checkpoints, once the final weights are safe."""
    for _, folder in _checkpoints(work_dir):
        shutil.rmtree(folder, ignore_errors=True)


def file_sha256(path: Path) -> str:
    """Sha256 of a file's bytes in hexadecimal."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _checkpoints(work_dir: Path) -> list[tuple[int, Path]]:
    found = [(_NAME.fullmatch(path.name), path) for path in work_dir.glob("checkpoint-*")]
    return [(int(match.group(1)), path) for match, path in found if match]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
