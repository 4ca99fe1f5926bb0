"""Images come in and go: pictures are checked and stored, rows made and removed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from labeling import storage
from labeling.errors import Invalid, NotFound
from labeling.models import Image, Project
from labeling.services import events, features
from labeling.transfer.decoding import decode
from labeling.transfer.names import MAX_NAME, clean_path, role_of
from labeling.transfer.splits import Splitter, order_key, split_by_hash

_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class StoredPicture:
    """A picture whose files are stored but that no row names yet; garbage if none ever does."""

    sha256: str
    file: str
    thumb: str
    original: str
    format: str
    width: int
    height: int
    full_size: tuple[int, int]
    mask_scale: int
    tiles: str
    note: str


def file_sha256(path: Path) -> str:
    """Hex hash of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def known_image(*, project: Project, sha256: str) -> Image | None:
    """The image of the project that was made from these bytes."""
    return Image.objects.filter(project=project, sha256=sha256).first()


def store_picture(
    *, path: Path, sha256: str, may_stream: bool = False, check: Callable[[], None] = lambda: None
) -> StoredPicture:
    """Decode an untrusted file and store original, display file, thumbnail and tiles, if it has any. Raises Invalid.

    Safe to repeat: every file is named by its bytes. `may_stream` and `check` are those of `decode`.
    """
    settings.SCRATCH_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.SCRATCH_DIR, prefix="picture-") as scratch:
        picture = decode(path, scratch=Path(scratch), may_stream=may_stream, check=check)
        tiles = picture.tiles and storage.put_file("tiles", picture.tiles.path, suffix=picture.tiles.suffix).name
    return StoredPicture(
        sha256=sha256,
        file=storage.put("images", picture.display.data, suffix=picture.display.suffix).name,
        thumb=storage.put("thumbs", picture.thumb.data, suffix=picture.thumb.suffix).name,
        original=storage.put_file("originals", path, suffix=picture.suffix).name,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        full_size=picture.full_size,
        mask_scale=picture.mask_scale,
        tiles=tiles or "",
        note=picture.note,
    )


def insert_image(
    *, project: Project, name: str, stored: StoredPicture, split_of: Splitter = split_by_hash
) -> tuple[Image, bool]:
    """The row of a stored picture, and whether it is new; its split is decided here, once and for all."""
    if len(name) > MAX_NAME:
        raise Invalid(f"The name is longer than {MAX_NAME} characters; shorten it.", code="bad_name")
    full_width, full_height = stored.full_size if stored.mask_scale > 1 else (None, None)
    try:
        with transaction.atomic():
            image = Image.objects.create(
                project=project,
                name=name,
                sha256=stored.sha256,
                file=stored.file,
                thumb=stored.thumb,
                original=stored.original,
                original_format=stored.format,
                width=stored.width,
                height=stored.height,
                mask_scale=stored.mask_scale,
                full_width=full_width,
                full_height=full_height,
                tiles=stored.tiles,
                split=split_of(name, stored.sha256),
                order_key=order_key(stored.sha256),
            )
    except IntegrityError:
        same = known_image(project=project, sha256=stored.sha256)
        if same is None:
            raise
        return same, False
    return image, True


def create_image_from_upload(*, project: Project, by: User, name: str, stream: BinaryIO) -> tuple[Image, bool]:
    """One image from an open file, and whether it is new: the same bytes come once per project. Raises Invalid."""
    name = role_of(clean_path(name)).name
    with _spooled(stream) as path:
        sha256 = file_sha256(path)
        same = known_image(project=project, sha256=sha256)
        if same is not None:
            return same, False
        stored = store_picture(path=path, sha256=sha256)
    with transaction.atomic():
        image, is_new = insert_image(project=project, name=name, stored=stored)
        if is_new:
            data = {"count": 1, "import_job": None, "image": image.pk}
            events.record(project=project, verb="image.added", subject=image, image=image, actor=by, data=data)
            features.queue_encoding(image_ids=[image.pk])
    return image, is_new


@contextmanager
def _spooled(stream: BinaryIO) -> Iterator[Path]:
    """The stream's bytes in a scratch file, at most MAX_IMAGE_BYTES of them."""
    settings.SCRATCH_DIR.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=settings.SCRATCH_DIR, prefix="picture-")
    try:
        with os.fdopen(handle, "wb") as out:
            written = 0
            while chunk := stream.read(_CHUNK):
                written += len(chunk)
                if written > settings.MAX_IMAGE_BYTES:
                    raise Invalid(
                        f"The file has more than {settings.MAX_IMAGE_BYTES:,} bytes, which is the limit.",
                        code="too_large",
                    )
                out.write(chunk)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@transaction.atomic
def delete_image(*, image: Image, by: User) -> None:
    """Remove an image with everything that hangs on it; its files are collected later.

    What happened to it stays in the project's events.
    """
    # The pointer protects its mask from deletion, even together with the image.
    if not Image.objects.filter(pk=image.pk).update(accepted_mask=None, accepted_at=None):
        raise NotFound(_("There is no such image any more."))
    Image.objects.filter(pk=image.pk).delete()
    # Last, because it locks the project, as every decision does: the other way round two of them meet in a deadlock.
    events.record(
        project=image.project, verb="image.deleted", subject=image, image=image, actor=by, data={"image": image.pk}
    )
