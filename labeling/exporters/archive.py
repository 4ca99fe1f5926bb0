"""A zip whose bytes depend on its content only: fixed order, dates and attributes; written entry by entry."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Final

_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold
_CHUNK: Final = 2**20
_LARGE: Final = 2**31 - 1


def dump(value: object) -> str:
    """JSON on one line, the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Archive:
    """Writes entries to a zip file and notes name, size and hash of each in `notes`, a scratch file of JSON lines."""

    def __init__(self, path: Path, notes: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", allowZip64=True)
        self._notes = notes.open("w", encoding="utf-8")
        self._notes_path = notes

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notes.close()
        self._zip.close()

    def add_bytes(self, name: str, data: bytes) -> str:
        """Add an entry as it is (pictures are compressed already); returns the sha256 of its bytes."""
        return self._add(name, [data], size=len(data), squeeze=False)

    def add_stream(self, name: str, stream: BinaryIO, *, size: int) -> str:
        """Add an entry from an open stream of `size` bytes, without holding it in memory; returns its sha256."""
        return self._add(name, iter(lambda: stream.read(_CHUNK), b""), size=size, squeeze=False)

    def add_pieces(self, name: str, pieces: Iterable[bytes], *, size: int) -> str:
        """Add an entry as it is, from pieces of about `size` bytes in all, or fewer; returns its sha256."""
        return self._add(name, pieces, size=size, squeeze=False)

    def add_text(self, name: str, lines: Iterable[str]) -> str:
        """Add a compressed text entry from pieces of text of any total size; returns its sha256."""
        return self._add(name, (line.encode() for line in lines), size=_LARGE + 1, squeeze=True)

    def noted_files(self) -> Iterator[str]:
        """What was added so far: one JSON object as text for each entry, in the order they were added."""
        self._notes.flush()
        with self._notes_path.open(encoding="utf-8") as stream:
            for line in stream:
                yield line.rstrip("\n")

    def _add(self, name: str, chunks: Iterable[bytes], *, size: int, squeeze: bool) -> str:
        digest, written = hashlib.sha256(), 0
        with self._open(name, is_large=size > _LARGE, squeeze=squeeze) as out:
            for chunk in chunks:
                digest.update(chunk)
                written += len(chunk)
                out.write(chunk)
        self._notes.write(dump({"name": name, "size": written, "sha256": digest.hexdigest()}) + "\n")
        return digest.hexdigest()

    @contextmanager
    def _open(self, name: str, *, is_large: bool, squeeze: bool) -> Iterator[IO[bytes]]:
        info = zipfile.ZipInfo(name, _DATE)
        info.create_system = 3
        info.external_attr = 0o100644 << 16
        info.compress_type = zipfile.ZIP_DEFLATED if squeeze else zipfile.ZIP_STORED
        with self._zip.open(info, "w", force_zip64=is_large) as out:
            yield out


def json_document(head: Mapping[str, object], lists: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Pieces of a JSON object: the members of `head`, then each list, whose items come as JSON text, one a line."""
    parts = [f"{dump(name)}:{dump(value)}" for name, value in head.items()]
    yield "{\n" + ",\n".join(parts)
    for position, (name, items) in enumerate(lists.items()):
        yield ("" if position == 0 and not parts else ",\n") + f"{dump(name)}:["
        separator = "\n"
        for item in items:
            yield separator + item
            separator = ",\n"
        yield "\n]"
    yield "\n}\n"
