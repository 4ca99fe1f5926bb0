"""The live feed: in order, with catch-up, only for those who may read."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from labeling.live import consumers, publish
from labeling.live.consumers import ProjectConsumer
from labeling.models import Project
from labeling.services import accounts, events, projects
from tests.conftest import Cast

pytestmark = pytest.mark.django_db(transaction=True)


@transaction.atomic
def record(project: Project, verb: str) -> int:
    return events.record(project=project, verb=verb, subject=project).seq


def socket(project: Project, user: User | AnonymousUser, query: str = "") -> WebsocketCommunicator:
    channel = WebsocketCommunicator(ProjectConsumer.as_asgi(), f"/ws/projects/{project.pk}/{query}")
    channel.scope |= {
        "user": user,
        "url_route": {"kwargs": {"project_id": project.pk}},
        "query_string": query[1:].encode(),
    }
    return channel


async def receive(channel: WebsocketCommunicator) -> dict[str, Any]:
    message: dict[str, Any] = await channel.receive_json_from(timeout=5)
    return message


async def close_code(channel: WebsocketCommunicator) -> int:
    message = await channel.receive_output(timeout=5)
    assert message["type"] == "websocket.close"
    code: int = message["code"]
    return code


async def test_missed_events_come_first_then_new_ones_in_order(cast: Cast) -> None:
    first = await sync_to_async(record)(cast.project, "a.one")
    await sync_to_async(record)(cast.project, "a.two")
    channel = socket(cast.project, cast.ben, f"?after={first}")
    assert (await channel.connect())[0]
    assert (await receive(channel))["verb"] == "a.two"
    assert (await receive(channel)) == {"type": "ready", "seq": first + 1}
    await sync_to_async(record)(cast.project, "a.three")
    message = await receive(channel)
    assert (message["verb"], message["seq"]) == ("a.three", first + 2)
    await channel.disconnect()


async def test_a_lost_message_is_made_good_by_the_next(cast: Cast) -> None:
    channel = socket(cast.project, cast.ben)
    await channel.connect()
    await receive(channel)

    def record_two_but_announce_only_the_second() -> None:
        with transaction.atomic():
            Project.objects.filter(pk=cast.project.pk).update(event_seq=1)
            from labeling.models import Event

            Event.objects.bulk_create(
                [Event(project=cast.project, seq=1, verb="a.lost", subject_type="project", subject_id=1)]
            )
        record(cast.project, "a.heard")

    await sync_to_async(record_two_but_announce_only_the_second)()
    assert [(await receive(channel))["verb"], (await receive(channel))["verb"]] == ["a.lost", "a.heard"]
    await channel.disconnect()


@pytest.mark.parametrize(("who", "code"), [("nobody", 4401), ("dan", 4404)])
async def test_strangers_are_hung_up_on(cast: Cast, who: str, code: int) -> None:
    channel = socket(cast.project, AnonymousUser() if who == "nobody" else cast.dan)
    await channel.connect()
    assert await close_code(channel) == code


async def test_leaving_the_project_closes_the_socket(cast: Cast) -> None:
    channel = socket(cast.project, cast.ben)
    await channel.connect()
    await receive(channel)
    membership = await cast.project.memberships.select_related("project").aget(user=cast.ben)
    await sync_to_async(projects.remove_member)(membership=membership, by=cast.ada)
    assert (await receive(channel))["verb"] == "member.removed"
    assert await close_code(channel) == 4403


@pytest.mark.parametrize("message", ["event", "progress"])
async def test_a_closed_account_hears_no_more(cast: Cast, monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    monkeypatch.setattr(consumers, "RECHECK_S", 0.0)
    channel = socket(cast.project, cast.ben)
    await channel.connect()
    await receive(channel)
    await sync_to_async(accounts.set_account_active)(account=cast.ben, is_active=False, by=cast.root)
    cast.ben.is_active = True  # what the socket remembers of its user is as old as the socket
    if message == "event":
        await sync_to_async(record)(cast.project, "a.secret")
    else:
        await sync_to_async(publish.job_progress)(cast.project.pk, {"kind": "training_run", "done": 3})
    assert await close_code(channel) == 4403


async def test_progress_passes_through_and_pings_are_answered(cast: Cast) -> None:
    channel = socket(cast.project, cast.vera)
    await channel.connect()
    await receive(channel)
    await sync_to_async(publish.job_progress)(cast.project.pk, {"kind": "training_run", "done": 3})
    assert (await receive(channel)) == {"type": "progress", "job": {"kind": "training_run", "done": 3}}
    await channel.send_json_to({"type": "ping"})
    assert (await receive(channel)) == {"type": "pong"}
    await channel.disconnect()


@pytest.mark.parametrize("text", ["not json", "[]", '{"type": "project.event", "seq": 99}', "{" * 500])
async def test_nonsense_is_ignored(cast: Cast, text: str) -> None:
    channel = socket(cast.project, cast.ben)
    await channel.connect()
    await receive(channel)
    await channel.send_to(text_data=text)
    await channel.send_json_to({"type": "ping"})
    assert (await receive(channel)) == {"type": "pong"}
    await channel.disconnect()


async def test_a_large_message_is_hung_up_on(cast: Cast) -> None:
    channel = socket(cast.project, cast.ben)
    await channel.connect()
    await receive(channel)
    await channel.send_to(text_data="x" * 1025)
    assert await close_code(channel) == 1009


@pytest.mark.parametrize("after", ["99999", "-1", "x", "9" * 40, "%00", "1;drop"])
async def test_a_strange_starting_number_starts_from_now(cast: Cast, after: str) -> None:
    seq = await sync_to_async(record)(cast.project, "a.one")
    channel = socket(cast.project, cast.ben, f"?after={after}")
    await channel.connect()
    assert (await receive(channel)) == {"type": "ready", "seq": seq}
    await channel.disconnect()
