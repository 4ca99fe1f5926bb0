"""Content-addressed files: a blob's name is the hash of its bytes, so it never changes and is stored once."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

_KIND = re.compile(r"[a-z]+")
_SUFFIX = re.compile(r"[a-z0-9.]*")
_CHUNK = 2**20
_NAME = re.compile(r"[a-z]+/[0-9a-f]{2}/[0-9a-f]{64}(\.[a-z0-9.]*)?")
_LEFT_BEHIND = re.compile(r"[a-z]+/[0-9a-f]{2}/\.part-[^/]+")


@dataclass(frozen=True)
class Blob:
    """A stored file: `name` is the key in storage, `sha256` the hex hash of its bytes, `size` in bytes."""

    name: str
    sha256: str
    size: int


def blob_name(kind: str, sha256: str, suffix: str) -> str:
    """`kind/ab/abcdef….suffix`; kind and suffix come from code, the hash from bytes, never from a request."""
    if not _KIND.fullmatch(kind) or not _SUFFIX.fullmatch(suffix) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"not a blob name: {kind!r} {sha256!r} {suffix!r}")
    return f"{kind}/{sha256[:2]}/{sha256}{'.' + suffix if suffix else ''}"


def put(kind: str, data: bytes, *, suffix: str = "") -> Blob:
    """Store bytes (once) and return the blob."""
    sha256 = hashlib.sha256(data).hexdigest()
    name = blob_name(kind, sha256, suffix)
    if not _touch(name):
        _save(name, ContentFile(data))
    return Blob(name=name, sha256=sha256, size=len(data))


def put_file(kind: str, path: Path, *, suffix: str = "") -> Blob:
    """Store a file of any size without reading it into memory."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    name = blob_name(kind, digest.hexdigest(), suffix)
    if not _touch(name):
        with path.open("rb") as stream:
            _save(name, File(stream))
    return Blob(name=name, sha256=digest.hexdigest(), size=path.stat().st_size)


def _touch(name: str) -> bool:
    """Whether the blob is there, its date renewed: garbage collection then leaves it until a row names it.

    Stores that cannot renew a date answer False and get the bytes again.
    """
    try:
        os.utime(default_storage.path(name))
    except (FileNotFoundError, NotImplementedError):
        return False
    return True


def _save(name: str, content: File) -> None:  # type: ignore[type-arg]
    """Two writers of the same bytes may race: whoever loses leaves no second copy behind."""
    stored = default_storage.save(name, content)
    if stored != name:
        default_storage.delete(stored)


def read(name: str) -> bytes:
    """All bytes of a blob. Raises FileNotFoundError."""
    with default_storage.open(name, "rb") as stream:
        data: bytes = stream.read()
    return data


def open_blob(name: str) -> BinaryIO:
    """An open binary stream of a blob. Raises FileNotFoundError."""
    return default_storage.open(name, "rb")  # type: ignore[return-value]


def read_part(name: str, start: int, length: int) -> bytes:
    """Some bytes out of a blob, fewer where it ends. Raises FileNotFoundError."""
    bucket = getattr(default_storage, "bucket", None)
    if bucket is None:
        with default_storage.open(name, "rb") as stream:
            stream.seek(start)
            data: bytes = stream.read(length)
        return data
    # An object store's file would be fetched as a whole before the first byte is read.
    try:
        answer = bucket.Object(name).get(Range=f"bytes={start}-{start + length - 1}")
    except bucket.meta.client.exceptions.NoSuchKey as error:
        raise FileNotFoundError(name) from error
    part: bytes = answer["Body"].read()
    return part


def copy_to(name: str, target: Path) -> None:
    """Write a blob to a local file."""
    with default_storage.open(name, "rb") as source, target.open("wb") as out:
        while chunk := source.read(_CHUNK):
            out.write(chunk)


def delete(name: str) -> None:
    """Remove a blob; garbage collection only."""
    default_storage.delete(name)


def shelves() -> Iterator[list[str]]:
    """Names of all blobs, and of what broken writes left beside them, one folder at a time; nothing else."""
    for kind in _folders(""):
        for shelf in _folders(kind):
            _, files = default_storage.listdir(f"{kind}/{shelf}")
            names = sorted(f"{kind}/{shelf}/{file}" for file in files)
            yield [name for name in names if _NAME.fullmatch(name) or _LEFT_BEHIND.fullmatch(name)]


def _folders(path: str) -> list[str]:
    try:
        folders, _ = default_storage.listdir(path)
    except FileNotFoundError:
        return []
    return sorted(folders)


def modified_at(name: str) -> datetime:
    """When a blob was last put. Raises FileNotFoundError."""
    return default_storage.get_modified_time(name)


def size_of(name: str) -> int:
    """Bytes of a blob. Raises FileNotFoundError."""
    return default_storage.size(name)
