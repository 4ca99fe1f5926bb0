"""Serve blobs: safe headers, cached for good where the name is a hash, streamed where they are large."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import BinaryIO, TypeVar

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import register_converter
from django.urls.converters import StringConverter
from django.utils.translation import gettext as _

from labeling import storage
from labeling.errors import NotFound

IMMUTABLE = "private, max-age=31536000, immutable"
# Whatever a blob holds, a browser that is sent to it runs nothing of it.
SANDBOX = "default-src 'none'; sandbox"
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
_CHUNK = 2**18
Response = TypeVar("Response", bound=HttpResponseBase)


class Sha256Converter(StringConverter):
    """A hash in lower-case hex, nothing else."""

    regex = "[0-9a-f]{64}"


register_converter(Sha256Converter, "sha256")


def blob_response(name: str, *, content_type: str = "") -> HttpResponse:
    """A blob small enough for memory (pictures, masks, features), cached for good."""
    try:
        data = storage.read(name)
    except FileNotFoundError:
        raise NotFound(_("This file is gone from storage; ask an administrator to restore it.")) from None
    suffix = name.rpartition(".")[2]
    response = HttpResponse(data, content_type=content_type or _TYPES.get(suffix, "application/octet-stream"))
    return _safe(response)


def made_response(data: bytes, *, content_type: str) -> HttpResponse:
    """Bytes made on the fly, cached for good: their address must name all that they are made from."""
    return _safe(HttpResponse(data, content_type=content_type))


def download_response(name: str, *, file_name: str, size: int | None = None) -> HttpResponseBase:
    """A blob of any size as an attachment called `file_name`, streamed."""
    try:
        stream = storage.open_blob(name)
    except FileNotFoundError:
        raise NotFound(_("This file is gone from storage; ask an administrator to restore it.")) from None
    response = StreamingHttpResponse(_chunks(stream), content_type="application/octet-stream")
    if size is not None:
        response.headers["Content-Length"] = str(size)
    plain = "".join(letter for letter in file_name if letter.isascii() and (letter.isalnum() or letter in "._- "))
    response.headers["Content-Disposition"] = f'attachment; filename="{plain or "file"}"'
    return _safe(response)


async def _chunks(stream: BinaryIO) -> AsyncIterator[bytes]:
    """Asynchronous, or Django would read the whole file before the first byte leaves."""
    try:
        while chunk := await sync_to_async(stream.read)(_CHUNK):
            yield chunk
    finally:
        await sync_to_async(stream.close)()


def _safe(response: Response) -> Response:
    response.headers["Cache-Control"] = IMMUTABLE
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
