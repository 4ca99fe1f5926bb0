"""Snapshots: a frozen list of images, marks, masks and splits in a folder, with a hash.

Layout::

    manifest.json   {"format": 1, "classes": [...], "num_images": n, "hash": sha256}
    images.jsonl    one JSON object a line, sorted by id
    images/…        the pictures, put there by the caller (links or copies)
    masks/<sha>.png index PNGs named by the sha256 of their bytes

The hash covers classes, image contents, sizes, splits, marks and masks, but neither file names nor the folder:
the same state always gives the same hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from models_zoo.marks import Mark, MarkError, mark_from_json, mark_to_json

FORMAT = 1
SPLITS = ("train", "val", "test", "pool")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MASK_FILE = re.compile(r"masks/[0-9a-f]{64}\.png")


class SnapshotError(ValueError):
    """A snapshot that cannot be written or read; the message names the line or value at fault."""


@dataclass(frozen=True, kw_only=True)
class SnapshotClass:
    """One label class: index 0 to 253, name, colour as (r, g, b) of 0 to 255."""

    index: int
    name: str
    color: tuple[int, int, int]
    is_background: bool = False


@dataclass(frozen=True, kw_only=True)
class SnapshotImage:
    """One image with everything a person said about it.

    Attributes:
        id: unique in the snapshot.
        sha256: of the image file's bytes.
        file: path relative to the snapshot folder, "images/<name>".
        width, height: pixels, after EXIF rotation.
        split: "train", "val", "test" or "pool".
        marks: weak labels in image pixels.
        mask: "masks/<sha256>.png" when a person accepted a mask.
        mask_origin: how that mask came to be ("painted", "edited", …).
    """

    id: str
    sha256: str
    file: str
    width: int
    height: int
    split: str
    marks: tuple[Mark, ...] = ()
    mask: str | None = None
    mask_origin: str | None = None


@dataclass(frozen=True, kw_only=True)
class SnapshotSpec:
    """What to write: classes and images in any order."""

    classes: tuple[SnapshotClass, ...]
    images: tuple[SnapshotImage, ...]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot as read: classes by index, images by id, the folder it lies in."""

    classes: tuple[SnapshotClass, ...]
    images: tuple[SnapshotImage, ...]
    hash: str
    folder: Path = field(compare=False)

    @property
    def class_indices(self) -> tuple[int, ...]:
        """Class indices in ascending order."""
        return tuple(item.index for item in self.classes)

    @property
    def background(self) -> int | None:
        """Index of the background class, or None."""
        return next((item.index for item in self.classes if item.is_background), None)

    def split(self, name: str) -> tuple[SnapshotImage, ...]:
        """Images of one split, in order of id."""
        return tuple(image for image in self.images if image.split == name)

    def path(self, relative: str) -> Path:
        """Where a file of the snapshot lies; refuses anything outside the folder."""
        return self.folder / _inside(relative)


def snapshot_hash(classes: Iterable[SnapshotClass], images: Iterable[SnapshotImage]) -> str:
    """Sha256 of the content, in hexadecimal; independent of order, file names and folder."""
    digest = hashlib.sha256(b"burnish-snapshot-1\n")
    for item in sorted(classes, key=lambda item: item.index):
        digest.update(_canonical(_class_to_json(item)))
    for image in sorted(images, key=lambda image: image.id):
        content = {name: value for name, value in _image_to_json(image).items() if name != "file"}
        digest.update(_canonical(content))
    return digest.hexdigest()


def write_manifest(folder: Path, spec: SnapshotSpec) -> str:
    """Write manifest.json and images.jsonl into `folder` and return the snapshot's hash.

    The pictures and masks are the caller's to put there, before or after. Nothing is left half-written.

    Raises:
        SnapshotError: duplicate ids, classes out of range, paths outside the folder.
    """
    classes = tuple(sorted(spec.classes, key=lambda item: item.index))
    images = tuple(sorted(spec.images, key=lambda image: image.id))
    _check_classes(classes)
    _check_images(images, {item.index for item in classes})
    digest = snapshot_hash(classes, images)
    manifest = {
        "format": FORMAT,
        "classes": [_class_to_json(item) for item in classes],
        "num_images": len(images),
        "hash": digest,
    }
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "images.jsonl", (_canonical(_image_to_json(image)) for image in images))
    _write(folder / "manifest.json", [json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n"])
    return digest


def read(folder: Path) -> Snapshot:
    """Read a snapshot and check it against its hash; pictures and masks are opened by whoever needs them.

    Raises:
        SnapshotError: a missing or damaged file, a newer format, a path outside the folder.
    """
    manifest = _read_json(folder / "manifest.json")
    if manifest.get("format") != FORMAT:
        raise SnapshotError(f"manifest.json has format {manifest.get('format')!r}; this version reads format {FORMAT}")
    classes = tuple(_class_from_json(item) for item in _list(manifest.get("classes"), "classes"))
    images = tuple(_read_images(folder / "images.jsonl"))
    _check_classes(classes)
    _check_images(images, {item.index for item in classes})
    digest = snapshot_hash(classes, images)
    if digest != manifest.get("hash"):
        raise SnapshotError(f"{folder.name}: content does not match its hash; write the snapshot again")
    return Snapshot(classes=classes, images=images, hash=digest, folder=folder)


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _write(path: Path, lines: Iterable[bytes]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as out:
        out.writelines(lines)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)


def _read_json(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise SnapshotError(f"{path.name} is missing: {path.parent.name} is no snapshot folder") from error
    except ValueError as error:
        raise SnapshotError(f"{path.name} is not valid JSON: write the snapshot again") from error
    if not isinstance(value, dict):
        raise SnapshotError(f"{path.name} must hold a JSON object")
    return value


def _read_images(path: Path) -> Iterable[SnapshotImage]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError as error:
        raise SnapshotError(f"{path.name} is missing: {path.parent.name} is no snapshot folder") from error
    for number, line in enumerate(lines, start=1):
        try:
            yield _image_from_json(json.loads(line))
        except (ValueError, KeyError, TypeError, MarkError) as error:
            raise SnapshotError(f"{path.name}, line {number}: {error}") from error


def _class_to_json(item: SnapshotClass) -> dict[str, object]:
    return {
        "index": item.index,
        "name": item.name,
        "color": list(item.color),
        "is_background": item.is_background,
    }


def _class_from_json(value: object) -> SnapshotClass:
    try:
        data = _mapping(value)
        red, green, blue = (int(str(part)) for part in _list(data["color"], "color"))
        return SnapshotClass(
            index=int(str(data["index"])),
            name=str(data["name"]),
            color=(red, green, blue),
            is_background=data["is_background"] is True,
        )
    except (KeyError, ValueError) as error:
        raise SnapshotError(f"manifest.json: a class is malformed: {error}") from error


def _image_to_json(image: SnapshotImage) -> dict[str, object]:
    return {
        "id": image.id,
        "sha256": image.sha256,
        "file": image.file,
        "width": image.width,
        "height": image.height,
        "split": image.split,
        "marks": [_plain_mark(mark) for mark in image.marks],
        "mask": image.mask,
        "mask_origin": image.mask_origin,
    }


def _plain_mark(mark: Mark) -> dict[str, object]:
    """A mark as it will be read back: coordinates given as whole numbers become floats before hashing."""
    return mark_to_json(mark_from_json(mark_to_json(mark)))


def _image_from_json(value: object) -> SnapshotImage:
    data = _mapping(value)
    mask, origin = data["mask"], data["mask_origin"]
    return SnapshotImage(
        id=str(data["id"]),
        sha256=str(data["sha256"]),
        file=str(data["file"]),
        width=int(str(data["width"])),
        height=int(str(data["height"])),
        split=str(data["split"]),
        marks=tuple(mark_from_json(mark) for mark in _list(data["marks"], "marks")),
        mask=None if mask is None else str(mask),
        mask_origin=None if origin is None else str(origin),
    )


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise SnapshotError("expected a JSON object")
    return value


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise SnapshotError(f"{name} must be a list")
    return value


def _check_classes(classes: tuple[SnapshotClass, ...]) -> None:
    indices = [item.index for item in classes]
    if not classes:
        raise SnapshotError("a snapshot needs at least one class")
    if len(set(indices)) != len(indices) or indices != sorted(indices):
        raise SnapshotError("class indices must be unique and ascending")
    if indices[0] < 0 or indices[-1] > 253:
        raise SnapshotError("class indices go from 0 to 253")
    if sum(item.is_background for item in classes) > 1:
        raise SnapshotError("at most one class may be the background")


def _check_images(images: tuple[SnapshotImage, ...], class_indices: set[int]) -> None:
    seen: set[str] = set()
    for image in images:
        if image.id in seen:
            raise SnapshotError(f"image {image.id} appears twice")
        seen.add(image.id)
        _check_image(image, class_indices)


def _check_image(image: SnapshotImage, class_indices: set[int]) -> None:
    if not _SHA256.fullmatch(image.sha256):
        raise SnapshotError(f"image {image.id}: sha256 must be 64 hexadecimal digits")
    if image.width < 1 or image.height < 1:
        raise SnapshotError(f"image {image.id}: width and height must be at least 1")
    if image.split not in SPLITS:
        raise SnapshotError(f"image {image.id}: split must be one of {', '.join(SPLITS)}")
    if not image.file.startswith("images/"):
        raise SnapshotError(f"image {image.id}: file must lie in images/")
    _inside(image.file)
    if image.mask is not None and not _MASK_FILE.fullmatch(image.mask):
        raise SnapshotError(f"image {image.id}: mask must be masks/<sha256>.png")
    for mark in image.marks:
        if mark.class_index not in class_indices:
            raise SnapshotError(f"image {image.id}: a mark has class {mark.class_index}, which is not listed")


def _inside(relative: str) -> PurePosixPath:
    """Refuse absolute paths, '..', backslashes and NUL; what is left stays within the folder."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or "\\" in relative or "\0" in relative or not path.parts:
        raise SnapshotError(f"path {relative!r} leaves the snapshot folder")
    return path
