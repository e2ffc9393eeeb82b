"""The WebSocket of a session beside Realtime, whatever its family; more of it in those of Live and of translation."""

from __future__ import annotations

import pytest

from duologue.client.asyncio.family_connection import FamilyConnection
from duologue.codec import decode_translation, encode_translation
from duologue.errors import ConnectionClosed
from duologue.events import AnyTranslationEvent, TranslationEvent, TranslationSessionCloseEvent, UnknownTranslationEvent
from duologue.transports import Transport, memory_pair


def connection(transport: Transport) -> FamilyConnection[AnyTranslationEvent, TranslationEvent]:
    """A connection of the translation family."""
    return FamilyConnection(
        transport,
        decode=decode_translation,
        unreadable=lambda problem: UnknownTranslationEvent(json={}, problem=problem),
        encode=encode_translation,
        dialect="openai",
    )


async def test_events_of_its_family_go_both_ways_and_what_is_none_is_told() -> None:
    near, far = memory_pair()
    one = connection(near)
    await one.send(TranslationSessionCloseEvent())
    assert await far.receive() == '{"type":"session.close"}'
    await far.send("no json")
    unreadable = await one.receive()
    assert isinstance(unreadable, UnknownTranslationEvent)
    assert "not a JSON object" in unreadable.problem


async def test_the_session_is_named_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    near, _ = memory_pair()
    one = connection(near)
    with caplog.at_level("INFO", logger="duologue.client"):
        one.session_began("sess_1")
        one.session_began("sess_2")
    assert caplog.text.count("began") == 1
    await one.close()
    with pytest.raises(ConnectionClosed):
        await one.receive()
