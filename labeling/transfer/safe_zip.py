"""Zip archives from strangers, read entry by entry: nothing is ever extracted to a name that came in."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from django.conf import settings

from labeling.errors import Invalid
from labeling.transfer.names import clean_path, is_junk, printable

_CHUNK: Final = 2**20
_SMALL: Final = 2**20  # a file this small may be squeezed as hard as it likes
_DIRECTORY_BYTES_PER_ENTRY: Final = 300  # 46 fixed, the rest for name and extra fields
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of an archive. `name` is clean, or only printable when `refusal` says why it is not read."""

    name: str
    size: int
    refusal: Invalid | None
    info: zipfile.ZipInfo


class _Guarded:
    """The archive's file; while the directory is being read, a single read is capped.

    `zipfile` reads the whole directory at once and makes an object of each record: a hostile one must not
    get as far as that.
    """

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self.limit: int | None = limit

    def read(self, size: int = -1) -> bytes:
        if self.limit is None:
            return self._stream.read(size)
        data = self._stream.read(min(size, self.limit + 1) if size >= 0 else self.limit + 1)
        if len(data) > self.limit:
            raise Invalid(
                f"The zip's directory is too large; at most {settings.MAX_ZIP_ENTRIES} files are read.",
                code="too_many_entries",
            )
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()


def looks_like_zip(path: Path) -> bool:
    """Whether the file begins as a zip does. Pictures with a zip appended are pictures."""
    with path.open("rb") as stream:
        return stream.read(4) in _STARTS


class SafeZip:
    """An open archive within the limits of the settings. Raises Invalid when the archive as a whole breaks one."""

    def __init__(self, path: Path) -> None:
        guarded = _Guarded(path.open("rb"), 65_557 + settings.MAX_ZIP_ENTRIES * _DIRECTORY_BYTES_PER_ENTRY)
        try:
            self._zip = zipfile.ZipFile(guarded)
            guarded.limit = None
            self.entries = [_entry(info) for info in self._files(path.stat().st_size)]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
            guarded.close()
            raise Invalid("The zip is damaged or cut short; make it again.", code="bad_zip") from error
        except Invalid:
            guarded.close()
            raise
        self._stream = guarded

    def _files(self, archive_size: int) -> Iterator[zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > settings.MAX_ZIP_ENTRIES:
            raise Invalid(
                f"The zip holds {len(infos)} entries; at most {settings.MAX_ZIP_ENTRIES} are read. Split it.",
                code="too_many_entries",
            )
        total = sum(info.file_size for info in infos)
        if total > settings.MAX_ZIP_BYTES:
            raise Invalid(
                f"The zip unpacks to {total:,} bytes; at most {settings.MAX_ZIP_BYTES:,} are read. Split it.",
                code="zip_too_large",
            )
        if sum(info.compress_size for info in infos) > archive_size:
            raise Invalid("Entries of the zip lie over each other; it looks like a bomb.", code="bad_zip")
        return (info for info in infos if not info.is_dir() and not is_junk(info.filename))

    def __enter__(self) -> SafeZip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._stream.close()

    def copy(self, entry: Entry, target: Path, *, max_bytes: int) -> None:
        """Write one entry to `target`, counting real bytes. Raises Invalid; a partial file may remain."""
        if entry.refusal is not None:
            raise entry.refusal
        if entry.size > max_bytes:
            raise _too_large(max_bytes)
        with _damage_as_invalid(), self._zip.open(entry.info) as source, target.open("wb") as out:
            written = 0
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > max_bytes:
                    raise _too_large(max_bytes)
                out.write(chunk)
        if written != entry.size:
            raise Invalid("The file is not as long as the zip says.", code="damaged")


def _too_large(max_bytes: int) -> Invalid:
    return Invalid(f"The file is larger than {max_bytes:,} bytes.", code="too_large")


@contextmanager
def _damage_as_invalid() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        message = "The file is damaged inside the zip (its check sum or length is wrong)."
        raise Invalid(message, code="damaged") from error


def _entry(info: zipfile.ZipInfo) -> Entry:
    shown = printable(info.orig_filename)
    try:
        name = clean_path(info.orig_filename)
        refusal = _refusal(info)
    except Invalid as error:
        name, refusal = shown, error
    return Entry(name=name if refusal is None else shown, size=info.file_size, refusal=refusal, info=info)


def _refusal(info: zipfile.ZipInfo) -> Invalid | None:
    """Why an entry with a decent name is still not read."""
    file_type = stat.S_IFMT(info.external_attr >> 16)
    if file_type not in {0, stat.S_IFREG}:
        return Invalid("The entry is a link or a device, not a file.", code="link")
    if info.flag_bits & 0x1:
        return Invalid("The entry is encrypted; make the zip without a password.", code="encrypted")
    if info.compress_type not in _METHODS:
        return Invalid("The entry uses an unusual compression; make the zip with plain deflate.", code="bad_zip")
    if info.file_size > _SMALL and info.file_size > settings.MAX_ZIP_RATIO * max(info.compress_size, 1):
        return Invalid(
            f"The entry unpacks to more than {settings.MAX_ZIP_RATIO} times its size; it looks like a bomb.",
            code="zip_ratio",
        )
    return None
