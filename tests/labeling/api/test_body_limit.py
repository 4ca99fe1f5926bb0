"""Bodies that are too large are refused before Django stores them."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from labeling.body_limit import BodyLimit, max_body_bytes


async def counting(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body as Django does and says how long it was."""
    length = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        length += len(event.get("body", b""))
        if not event.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


async def answer(chunks: list[bytes], headers: list[tuple[bytes, bytes]] | None = None) -> tuple[int, bytes]:
    scope = {"type": "http", "method": "PATCH", "path": "/api/v1/uploads/x", "headers": headers or []}
    client: Any = ApplicationCommunicator(BodyLimit(counting), scope)  # type: ignore[no-untyped-call]
    for number, chunk in enumerate(chunks):
        more = number < len(chunks) - 1
        await client.send_input({"type": "http.request", "body": chunk, "more_body": more})
    start = await client.receive_output()
    body = await client.receive_output()
    return start["status"], body["body"]


@pytest.fixture(autouse=True)
def small_limits(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = settings.UPLOAD_CHUNK_BYTES = settings.MAX_MASK_BYTES = 1_000


async def test_small_bodies_pass() -> None:
    assert await answer([b"x" * 400, b"y" * 500]) == (200, b"900")


async def test_an_announced_length_is_refused_unread() -> None:
    status, body = await answer([], [(b"content-length", b"99999999999")])
    assert status == 413 and b"too_large" in body


async def test_a_body_that_does_not_end_is_cut_off() -> None:
    status, _ = await answer([b"x" * 2**20] * 3)
    assert status == 413


def test_only_the_picture_route_takes_a_whole_picture(settings: Any) -> None:
    settings.MAX_IMAGE_BYTES = 10**9
    assert max_body_bytes("POST", "/api/v1/projects/3/images") > 10**9
    for method, path in (("PUT", "/api/v1/projects/3/images"), ("POST", "/api/v1/projects/3/images/../imports")):
        assert max_body_bytes(method, path) < 3 * 2**20
