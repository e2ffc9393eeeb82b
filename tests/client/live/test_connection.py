"""The WebSocket of a Live session: events both ways, the log of frames, and transports that break."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from duologue.client.live.connection import LiveConnection
from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError
from duologue.events.live import (
    LiveErrorEvent,
    LiveInputAudioAppendEvent,
    LiveSessionCloseEvent,
    LiveSessionStartedEvent,
    UnknownLiveEvent,
)
from duologue.transports import memory_pair


class BrokenTransport:
    """A transport with a fault of its own."""

    async def send(self, message: str | bytes, /) -> None:
        raise ZeroDivisionError("no wire")

    async def receive(self) -> str | bytes:
        raise ZeroDivisionError("no wire")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Nothing is open."""


async def test_events_are_read_and_written_and_frames_are_logged_without_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    near, far = memory_pair()
    connection = LiveConnection(near)
    with caplog.at_level(logging.DEBUG, logger="duologue"):
        await connection.send(LiveSessionCloseEvent(event_id="event_1"))
        await far.send('{"type":"session.started","event_id":"e1","session":{"id":"live_1","instructions":"Secret."}}')
        event = await connection.receive()
    assert await far.receive() == '{"type":"session.close","event_id":"event_1"}'
    assert isinstance(event, LiveSessionStartedEvent)
    assert "sent session.close event_1" in caplog.text
    assert "received session.started e1" in caplog.text
    assert "session live_1 began at a MemoryTransport, dialect openai-live" in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize("message", ["no json", "[]", b"\xff", '{"type":"session.new"}'])
async def test_what_is_no_event_is_an_unknown_one(message: str | bytes) -> None:
    near, far = memory_pair()
    await far.send(message)
    event = await LiveConnection(near).receive()
    assert isinstance(event, UnknownLiveEvent)


async def test_the_end_of_the_connection_is_raised() -> None:
    near, far = memory_pair()
    connection = LiveConnection(near, place="wss://example.com/v1/live/sessions")
    await far.close(1011, "it broke")
    with pytest.raises(ConnectionClosed, match="it broke"):
        await connection.receive()
    with pytest.raises(ConnectionClosed, match="it broke"):
        await connection.send(LiveSessionCloseEvent())
    await connection.close()


async def test_a_transport_that_breaks_counts_as_closed() -> None:
    connection = LiveConnection(BrokenTransport())
    with pytest.raises(ConnectionClosedError, match="the transport broke: no wire"):
        await connection.receive()
    with pytest.raises(ConnectionClosedError, match="the transport broke: no wire"):
        await connection.send(LiveSessionCloseEvent())


async def test_a_vendor_that_speaks_first_is_heard_before_the_start_and_nothing_of_it_is_lost() -> None:
    near, far = memory_pair()
    connection = LiveConnection(near, dialect="qwen-audio-live")
    await far.send('{"type":"session.created","session":{}}')
    await connection.greeted()
    event = await connection.receive()
    assert isinstance(event, UnknownLiveEvent)
    assert event.wire_type == "session.created"
    await connection.send(LiveInputAudioAppendEvent(audio="AAAA"))
    assert "event_id" in json.loads(await far.receive())


async def test_an_error_in_place_of_the_greeting_ends_the_wait_for_it() -> None:
    near, far = memory_pair()
    connection = LiveConnection(near, dialect="qwen-audio-live")
    await far.send('{"type":"error","error":{"code":"invalid_api_key","message":"No."}}')
    await connection.greeted()
    assert isinstance(await connection.receive(), LiveErrorEvent)
    await LiveConnection(near).greeted()


async def test_a_vendor_that_speaks_much_and_never_greets_is_given_up() -> None:
    near, far = memory_pair()

    async def speak() -> None:
        while True:
            await far.send('{"type":"session.usage.updated","usage":{"seconds":1}}')

    speaking = asyncio.create_task(speak())
    try:
        async with asyncio.timeout(5):
            with pytest.raises(ConnectFailed, match=r"other events than its session\.created"):
                await LiveConnection(near, dialect="qwen-audio-live").greeted()
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
