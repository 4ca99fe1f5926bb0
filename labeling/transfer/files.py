"""The files of an import, one after the other, wherever they lie: given alone, inside zips, or in a folder."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from labeling.errors import Invalid
from labeling.transfer.names import FileRole, clean_path, is_junk, printable, role_of
from labeling.transfer.safe_zip import Entry, SafeZip, looks_like_zip


@dataclass(frozen=True, kw_only=True)
class Given:
    """A local file and the path its sender gave it."""

    name: str
    path: Path
    refusal: Invalid | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """One file to import. `label` names it in the report, once per import; without a `role` it is refused."""

    label: str
    role: FileRole | None
    refusal: Invalid | None
    fetch: Callable[[], AbstractContextManager[Path]]


def iter_files(given: Iterable[Given], scratch: Path) -> Iterator[Found]:
    """Every file, zips opened, junk left out. The same files always come in the same order under the same labels.

    Only one entry of a zip lies on disk at a time, in `scratch`, under a name of our own.
    """
    labels: Counter[str] = Counter()
    for item in given:
        for found in _open(item, scratch):
            labels[found.label] += 1
            count = labels[found.label]
            yield found if count == 1 else _relabelled(found, f"{found.label} ({count})")


def _relabelled(found: Found, label: str) -> Found:
    return Found(label=label, role=found.role, refusal=found.refusal, fetch=found.fetch)


def _open(item: Given, scratch: Path) -> Iterator[Found]:
    if is_junk(item.name):
        return
    try:
        if item.refusal is not None:
            raise item.refusal
        name = clean_path(item.name)
        if not looks_like_zip(item.path):
            yield Found(label=name, role=role_of(name), refusal=None, fetch=lambda: nullcontext(item.path))
            return
        with SafeZip(item.path) as archive:
            for entry in archive.entries:
                yield _from_zip(archive, entry, prefix=printable(name, limit=90), scratch=scratch)
    except Invalid as error:
        yield Found(label=printable(item.name), role=None, refusal=error, fetch=lambda: nullcontext(item.path))


def _from_zip(archive: SafeZip, entry: Entry, *, prefix: str, scratch: Path) -> Found:
    return Found(
        label=f"{prefix}/{entry.name}",
        role=role_of(entry.name) if entry.refusal is None else None,
        refusal=entry.refusal,
        fetch=lambda: _unpacked(archive, entry, scratch),
    )


@contextmanager
def _unpacked(archive: SafeZip, entry: Entry, scratch: Path) -> Iterator[Path]:
    """The entry's bytes in a scratch file, for as long as the context lasts."""
    scratch.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=scratch, prefix="entry-")
    os.close(handle)
    try:
        archive.copy(entry, Path(name), max_bytes=settings.MAX_IMAGE_BYTES)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def files_in_folder(folder: Path) -> Iterator[Given]:
    """All files below a folder on this machine, in order of path; links are refused, not followed."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            refusal = None
            if path.is_symlink() or not path.is_file():
                refusal = Invalid("The file is a link or a device, not a plain file.", code="link")
            yield Given(name=path.relative_to(folder).as_posix(), path=path, refusal=refusal)
