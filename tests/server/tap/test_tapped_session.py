"""A session in memory, and what its taps are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing

import pytest

from duologue.codec import decode, encode
from duologue.errors import ConnectionClosed
from duologue.events import RealtimeEvent
from duologue.recording import ClosedLine, EngineNote, Header, NoteLine
from duologue.server import ServerSession
from duologue.server.tap.tapped_session import TappedSession
from duologue.server.telemetry.observer import UNOBSERVED
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport, memory_pair
from tests.server._talking import event, speak, typed, until
from tests.server.tap._kept import Kept


class Client:
    """A client's end in memory."""

    def __init__(self, transport: MemoryTransport) -> None:
        self.transport = transport

    async def send(self, event: RealtimeEvent, /) -> None:
        await self.transport.send(encode(event).decode())

    async def receive(self, *, timeout: float) -> RealtimeEvent:
        async with asyncio.timeout(timeout):
            return decode(await self.transport.receive())


@asynccontextmanager
async def tapped(*taps: Kept) -> AsyncGenerator[tuple[Client, TappedSession, ServerSession], None]:
    ours, theirs = memory_pair()
    with closing(TappedSession(taps, url="ws://h/v1/realtime?model=m&api_key=hidden")) as told:
        told.about(family="realtime", subject="key 1", model="m", dialect="openai")
        session = ServerSession(told.around(theirs), scripted_engines(transcripts=["hello"]), observer=told)
        running = asyncio.ensure_future(session.run())
        try:
            yield Client(ours), told, session
        finally:
            await ours.close()
            await asyncio.wait_for(running, 5)


async def test_every_message_is_told_in_order_and_unchanged() -> None:
    kept = Kept()
    async with tapped(kept) as (client, _, _):
        came = await until(client, "session.created")
        await client.send(typed("hi"))
        await client.send(event("response.create"))
        came += await until(client, "response.done")
    sent = [json.loads(message)["type"] for direction, message in kept.messages if direction == "sent"]
    assert sent == [each.type for each in came]
    received = [json.loads(message)["type"] for direction, message in kept.messages if direction == "received"]
    assert received == ["conversation.item.create", "response.create"]
    assert kept.times == sorted(kept.times)
    assert kept.ends == 1


async def test_the_header_says_whose_session_it_is_and_no_key() -> None:
    kept = Kept()
    async with tapped(kept) as (client, _, session):
        await until(client, "session.created")
        assert kept.session_ids == [session.session_id]
    (header,) = kept.headers
    assert header == Header(
        started_at=header.started_at,
        side="server",
        url="ws://h/v1/realtime?model=m",
        model="m",
        dialect="openai",
        family="realtime",
        subject="key 1",
    )


async def test_the_close_is_told_once_with_the_side_that_closed() -> None:
    kept = Kept()
    async with tapped(kept) as (client, _, _):
        await until(client, "session.created")
        await client.transport.close(1000, "bye")
    (closed,) = kept.lines
    assert isinstance(closed, ClosedLine)
    assert (closed.code, closed.reason, closed.by) == (1000, "bye", "client")


async def test_a_close_of_the_server_s_is_its_own() -> None:
    kept = Kept()
    async with tapped(kept) as (client, _, session):
        await until(client, "session.created")
        session.stop()
        with pytest.raises(ConnectionClosed, match="1001"):
            await client.receive(timeout=5)
    (line,) = kept.lines
    assert isinstance(line, ClosedLine)
    assert (line.code, line.by) == (1001, "server")


async def test_engines_are_told_with_what_they_work_on() -> None:
    kept = Kept()
    async with tapped(kept) as (client, _, _):
        await until(client, "session.created")
        await speak(client)
        done = (await until(client, "response.done"))[-1].to_json()["response"]
    notes = [line.note for line in kept.lines if isinstance(line, NoteLine)]
    for stage in ("respond", "synthesize"):
        told = [note for note in notes if isinstance(note, EngineNote) and note.stage == stage]
        assert [(note.step, note.id) for note in told] == [("begin", done["id"]), ("end", done["id"])]
    assert all(isinstance(note, EngineNote) and note.id != kept.session_ids[0] for note in notes)


async def test_a_session_that_never_ran_ends_its_taps() -> None:
    kept = Kept()
    with closing(TappedSession([kept])) as told:
        told.opened("sess_1", kind="live")
    assert kept.ends == 1
    assert [line.by for line in kept.lines if isinstance(line, ClosedLine)] == ["network"]


async def test_without_taps_nothing_is_wrapped() -> None:
    transport, _ = memory_pair()
    told = TappedSession([])
    assert told.around(transport) is transport
    assert told.opened("sess_1", kind="realtime") is UNOBSERVED
    told.turned_away("full")
