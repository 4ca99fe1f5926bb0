"""File names as they come in: made harmless, and read for what the file is (picture, mask, classes)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from labeling.errors import Invalid

MAX_NAME: Final = 255  # of an image, relative to its import
MAX_PATH: Final = 400  # of a file on its way in

# Endings under which the picture of a mask is looked up; what a file is, its bytes decide.
PICTURE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
_DRIVE = re.compile(r"[A-Za-z]:")
_JUNK_FILES: Final = {".ds_store", "thumbs.db", "desktop.ini"}


class FileKind(StrEnum):
    """What a file of an import is, by where it lies."""

    PICTURE = "picture"
    MASK = "mask"
    CLASSES = "classes"


@dataclass(frozen=True, kw_only=True)
class FileRole:
    """`kind` of the file and `name` relative to its images/ or masks/ folder."""

    kind: FileKind
    name: str


def clean_path(name: str) -> str:
    """A relative path with forward slashes. Raises Invalid (`bad_name`) and never repairs what looks like an attack.

    Refused: absolute paths, drive letters, `..`, control and other unprintable characters, empty and over-long
    names. Backslashes count as separators: that is what they are where such names come from.
    """
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    if not path.strip() or path.endswith("/"):
        raise Invalid("The file has no name.", code="bad_name")
    if any(not character.isprintable() for character in path):
        raise Invalid("The name holds characters that cannot be printed; rename the file.", code="bad_name")
    if path.startswith("/") or _DRIVE.match(path):
        raise Invalid("The name is an absolute path; only paths inside the import are read.", code="bad_name")
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise Invalid("The name leads outside the import (..).", code="bad_name")
    clean = "/".join(parts)
    if len(clean) > MAX_PATH or len(parts[-1]) > MAX_NAME:
        raise Invalid(f"The name is longer than {MAX_NAME} characters; shorten it.", code="bad_name")
    return clean


def printable(name: str, *, limit: int = MAX_PATH) -> str:
    """Any name, safe to show and to store in a report: unprintable characters as `\\x..`, cut to `limit`."""
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in name)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def is_junk(path: str) -> bool:
    """Files that operating systems leave behind and nobody means to import."""
    parts = path.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1].lower() in _JUNK_FILES or parts[-1].startswith("._")


def role_of(path: str) -> FileRole:
    """What a clean path is: below a folder `masks` a mask, `classes.json` the classes, else a picture.

    The last folder named `images` or `masks` is where names begin, so a data set may lie at any depth.
    """
    parts = path.split("/")
    if parts[-1] == "classes.json":
        return FileRole(kind=FileKind.CLASSES, name=parts[-1])
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] in {"images", "masks"}:
            kind = FileKind.MASK if parts[position] == "masks" else FileKind.PICTURE
            return FileRole(kind=kind, name="/".join(parts[position + 1 :]))
    return FileRole(kind=FileKind.PICTURE, name=path)


def stem(name: str) -> str:
    """A path without its last ending: "a/b.tar.png" gives "a/b.tar"."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix else str(path)


def picture_names(mask_name: str) -> list[str]:
    """Names a mask's picture may have."""
    base = stem(mask_name)
    return [base + suffix for ending in PICTURE_SUFFIXES for suffix in (ending, ending.upper())]
