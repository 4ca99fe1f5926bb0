"""Files on their way in, chunk by chunk: what the server acknowledged survives a crash on either side."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling.errors import Conflict, DomainError, Invalid, NotFound, StaleState
from labeling.models import Project, Upload
from labeling.transfer.names import clean_path


class DiskFull(DomainError):
    """No room for more bytes; nothing that was acknowledged is lost."""

    code = "disk_full"
    status = 507


def upload_path(upload_id: UUID) -> Path:
    """Where an upload's bytes lie: named by the row's id, never by what the sender called it."""
    return Path(settings.UPLOAD_DIR) / f"{upload_id}.part"


@transaction.atomic
def create_upload(*, project: Project, by: User, name: str, size: int) -> Upload:
    """Announce a file of `size` bytes. Raises Invalid (`bad_name`, `empty_file`, `too_large`)."""
    limit = max(settings.MAX_ZIP_BYTES, settings.MAX_IMAGE_BYTES)
    if size < 1:
        raise Invalid(_("The file is empty."), code="empty_file")
    if size > limit:
        raise Invalid(
            _("The file has %(size)s bytes; at most %(limit)s are taken. Split it.")
            % {"size": f"{size:,}", "limit": f"{limit:,}"},
            code="too_large",
        )
    return Upload.objects.create(project=project, created_by=by, name=clean_path(name), size=size)


def append_chunk(*, upload: Upload, offset: int, data: bytes) -> Upload:
    """Add bytes at the end; returns the upload as it is now.

    Written and synced before the row says so. Raises Conflict `offset_mismatch` (detail: `received`) when
    `offset` is not the end, Invalid when the chunk is empty or passes the announced size, StaleState when the
    upload is not open, DiskFull.
    """
    if not data:
        raise Invalid(_("The chunk is empty."), code="empty_chunk")
    with _locked(upload.pk) as handle:
        try:
            upload.refresh_from_db()
        except Upload.DoesNotExist:
            upload_path(upload.pk).unlink(missing_ok=True)
            raise NotFound(_("This upload was given up meanwhile; begin it again.")) from None
        if upload.status != Upload.Status.OPEN:
            raise StaleState(_("This upload is complete; it takes no more bytes."))
        if offset != upload.received:
            raise _mismatch(upload)
        if offset + len(data) > upload.size:
            raise Invalid(
                _("The chunk passes the announced size of %(size)s bytes.") % {"size": f"{upload.size:,}"},
                code="too_large",
            )
        _write(handle, data, offset)
        _acknowledge(upload, offset, len(data))
    return upload


def _acknowledge(upload: Upload, offset: int, length: int) -> None:
    received = offset + length
    status = Upload.Status.COMPLETE if received == upload.size else Upload.Status.OPEN
    changed = Upload.objects.filter(pk=upload.pk, received=offset, status=Upload.Status.OPEN).update(
        received=F("received") + length, status=status, updated_at=timezone.now()
    )
    upload.refresh_from_db()
    if not changed:
        raise _mismatch(upload)


def _mismatch(upload: Upload) -> Conflict:
    return Conflict(
        _("The server has %(received)s bytes of this file; go on from there.") % {"received": upload.received},
        code="offset_mismatch",
        detail={"received": upload.received},
    )


@contextmanager
def _locked(upload_id: UUID) -> Iterator[int]:
    """An open file that nobody else writes: a request sent twice must not write over its twin's successor."""
    path = upload_path(upload_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _write(handle: int, data: bytes, offset: int) -> None:
    try:
        os.ftruncate(handle, offset)  # what an unacknowledged, longer chunk may have left
        view = memoryview(data)
        while view:
            written = os.pwrite(handle, view, offset)
            view, offset = view[written:], offset + written
        os.fsync(handle)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull("The server's disk is full; ask its administrator to make room, then go on.") from error
        raise


def delete_upload(*, upload: Upload) -> None:
    """Give an upload up. Raises StaleState when an import has it."""
    if not Upload.objects.filter(pk=upload.pk).exclude(status=Upload.Status.USED).delete()[0]:
        if Upload.objects.filter(pk=upload.pk).exists():
            raise StaleState(_("An import uses this upload; cancel the import instead."))
        raise NotFound(_("There is no such upload."))
    upload_path(upload.pk).unlink(missing_ok=True)


def forget_files(upload_ids: Iterable[UUID]) -> None:
    """Remove the bytes of uploads whose import is over; the rows stay as a record until they are collected."""
    for upload_id in upload_ids:
        upload_path(upload_id).unlink(missing_ok=True)
