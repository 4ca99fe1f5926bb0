"""The live feed of a project: events in order with catch-up, progress as it happens."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser, User

from labeling import access
from labeling.errors import DomainError
from labeling.live.publish import group_name
from labeling.selectors import events

NOT_SIGNED_IN, REMOVED, NOT_VISIBLE, TOO_BIG = 4401, 4403, 4404, 1009
MAX_MESSAGE_CHARS = 1024
PAGE = 200
RECHECK_S = 15.0  # for so long, at most, a person hears of a project after losing the right to


class ProjectConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Reads rows after the last number it sent; a message from the channel layer only says that there are some."""

    async def connect(self) -> None:
        """Check who is there, join the group first and catch up second, so that nothing falls between."""
        self.project_id = int(self.scope["url_route"]["kwargs"]["project_id"])
        self.user = self.scope["user"]
        self.group = group_name(self.project_id)
        self.joined = False
        await self.accept()  # browsers see close codes only of accepted sockets
        if not self.user.is_authenticated:
            await self.close(NOT_SIGNED_IN)
            return
        if not await self._may_read():
            await self.close(NOT_VISIBLE)
            return
        await self.channel_layer.group_add(self.group, self.channel_name)
        self.joined = True
        self.checked_at = time.monotonic()
        self.seq = await self._first_seq()
        await self._send_new_events()
        await self.send_json({"type": "ready", "seq": self.seq})

    async def disconnect(self, code: int) -> None:
        if self.joined:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """Only pings are understood; anything large is hung up on."""
        if len(text_data or "") > MAX_MESSAGE_CHARS or len(bytes_data or b"") > MAX_MESSAGE_CHARS:
            await self.close(TOO_BIG)
        elif text_data and text_data.replace(" ", "") == '{"type":"ping"}':
            await self.send_json({"type": "pong"})

    async def project_event(self, message: dict[str, Any]) -> None:
        """Rows were committed up to message["seq"]."""
        if message["seq"] > self.seq and await self._still_welcome():
            await self._send_new_events()

    async def project_progress(self, message: dict[str, Any]) -> None:
        """A job moved on; not stored, not numbered."""
        if await self._still_welcome():
            await self.send_json({"type": "progress", "job": message["job"]})

    async def _still_welcome(self) -> bool:
        """Looked up again now and then: an account that was closed tells no project."""
        if time.monotonic() - self.checked_at < RECHECK_S:
            return True
        if await self._may_read():
            self.checked_at = time.monotonic()
            return True
        await self.close(REMOVED)
        return False

    async def _send_new_events(self) -> None:
        while rows := await self._events_after(self.seq):
            for row in rows:
                self.seq = row["seq"]
                await self.send_json({"type": "event", **row})
                concerns_me = row["verb"] in {"member.removed", "member.changed"}
                if concerns_me and not await self._may_read():
                    await self.close(REMOVED)
                    return

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _may_read(self) -> bool:
        """By the user's row as it is now, not as it was when the socket was opened."""
        try:
            access.project_read(User.objects.filter(pk=self.user.pk).first() or AnonymousUser(), self.project_id)
        except DomainError:
            return False
        return True

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _events_after(self, seq: int) -> list[dict[str, Any]]:
        return events.events_after(project_id=self.project_id, seq=seq, limit=PAGE)

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _first_seq(self) -> int:
        """`after` of the query string, or the present: a page that just loaded its data wants what is new."""
        latest = events.latest_seq(project_id=self.project_id)
        given = parse_qs(self.scope["query_string"].decode("ascii", "replace")).get("after", [""])[0]
        # A number from the future (a restored database) would silence the feed: start from now instead.
        return min(int(given), latest) if given.isascii() and given.isdigit() and len(given) < 19 else latest
