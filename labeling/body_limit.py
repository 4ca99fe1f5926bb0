"""Refuse request bodies that are too large before they are stored: Django spools a whole body to disk first."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from django.conf import settings

# As Django types ASGI.
Scope = dict[str, Any]
Event = Mapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_OVERHEAD: Final = 2**20  # of a form around a file
# The one route that takes a whole picture in one request; larger files come in chunks.
_PICTURES: Final = re.compile(r"/api/v1/projects/\d+/images/?")


def max_body_bytes(method: str, path: str) -> int:
    """How many bytes of a request are taken in."""
    if method == "POST" and _PICTURES.fullmatch(path):
        return settings.MAX_IMAGE_BYTES + _OVERHEAD
    return max(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.UPLOAD_CHUNK_BYTES, settings.MAX_MASK_BYTES) + _OVERHEAD


class BodyLimit:
    """ASGI middleware: answers 413 by the announced length, or as soon as more than the limit has arrived."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        limit = max_body_bytes(scope["method"], scope["path"])
        if _announced(dict(scope["headers"])) > limit:
            await _refuse(send, limit)
            return
        guard = _Guard(receive, send, limit)
        await self._application(scope, guard.receive, guard.send)
        if guard.is_over and not guard.has_answered:
            await _refuse(send, limit)


class _Guard:
    """Counts what arrives; past the limit the application is told that the sender hung up."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._left = receive, send, limit
        self.is_over = False
        self.has_answered = False

    async def receive(self) -> Event:
        if self.is_over:
            return {"type": "http.disconnect"}
        event = await self._receive()
        if event["type"] == "http.request":
            self._left -= len(event.get("body", b""))
            if self._left < 0:
                self.is_over = True
                return {"type": "http.disconnect"}
        return event

    async def send(self, event: Event) -> None:
        self.has_answered = True
        await self._send(event)


def _announced(headers: dict[bytes, bytes]) -> int:
    text = headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() and len(text) < 19 else 0


async def _refuse(send: Send, limit: int) -> None:
    message = f"The request is larger than {limit:,} bytes; send large files in chunks."
    body = json.dumps({"code": "too_large", "message": message, "detail": {}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"connection", b"close"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
