"""The WebSocket of a session beside Realtime."""

from __future__ import annotations

import asyncio
import logging

import pytest

from duologue.client.asyncio.family_connection import FamilyConnection
from duologue.codec import decode_translation, encode_translation
from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.events import (
    AnyTranslationClientEvent,
    AnyTranslationEvent,
    TranslationSessionClosedEvent,
    TranslationSessionCloseEvent,
    UnknownTranslationEvent,
)
from duologue.transports import Transport, memory_pair


def over(transport: Transport) -> FamilyConnection[AnyTranslationEvent, AnyTranslationClientEvent]:
    return FamilyConnection(
        transport,
        decode=decode_translation,
        unreadable=lambda problem: UnknownTranslationEvent(json={}, problem=problem),
        encode=encode_translation,
        dialect="openai",
    )


async def test_events_go_both_ways() -> None:
    near, far = memory_pair()
    connection = over(near)
    await connection.send(TranslationSessionCloseEvent())
    assert await far.receive() == '{"type":"session.close"}'
    await far.send('{"type":"session.closed","event_id":"e"}')
    assert await connection.receive() == TranslationSessionClosedEvent(event_id="e")


async def test_what_is_no_json_object_is_an_unknown_event() -> None:
    near, far = memory_pair()
    await far.send("{")
    event = await over(near).receive()
    assert isinstance(event, UnknownTranslationEvent)
    assert event.problem


async def test_a_closed_connection_says_so_in_both_directions() -> None:
    near, far = memory_pair()
    connection = over(near)
    await far.close(1000)
    with pytest.raises(ConnectionClosedOK):
        await connection.receive()
    with pytest.raises(ConnectionClosedOK):
        await connection.send(TranslationSessionCloseEvent())
    await connection.close()


class Broken:
    """A transport with a fault of its own."""

    async def send(self, message: str | bytes) -> None:
        raise OSError("no route")

    async def receive(self) -> str | bytes:
        raise OSError("no route")

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


async def test_a_fault_of_a_transport_is_a_closed_connection() -> None:
    connection = over(Broken())
    for use in (connection.receive(), connection.send(TranslationSessionCloseEvent())):
        with pytest.raises(ConnectionClosedError, match="the transport broke: no route"):
            await use


async def test_the_session_is_named_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    connection = over(Broken())
    with caplog.at_level(logging.INFO, "duologue.client"):
        connection.session_began("sess_1")
        connection.session_began("sess_2")
    assert [record.getMessage() for record in caplog.records] == ["session sess_1 began at a Broken, dialect openai"]
    await asyncio.sleep(0)
