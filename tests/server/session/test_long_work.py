"""Work that takes long: it holds up no other session, and keeps its place in its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duologue.engines.base import ResponderRequest
from duologue.events import ErrorEvent
from duologue.events.base import encode_audio
from duologue.protocol import Respond
from duologue.server.session import prompt, session
from duologue.testing import scripted_engines
from tests.server._talking import counts, event, typed, until, update
from tests.server.conftest import Talk

TEXT = {"output_modalities": ["text"]}


async def test_audio_that_is_decoded_in_a_thread_keeps_its_place_and_is_rejected_by_name(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LONG_AUDIO_CHARS", 100)
    long = encode_audio(bytes(96_000))
    async with talk(scripted_engines()) as connection:
        await connection.send(update(audio={"input": {"turn_detection": None}}))
        await connection.send(event("input_audio_buffer.append", audio=f"{long}!", event_id="bad"))
        await connection.send(event("input_audio_buffer.append", audio=long, event_id="good"))
        await connection.send(event("input_audio_buffer.append", audio=long))
        await connection.send(event("input_audio_buffer.commit"))
        events = await until(connection, "conversation.item.done")
    (error,) = (event for event in events if isinstance(event, ErrorEvent))
    assert (error.error.param, error.error.event_id) == ("audio", "bad")
    assert counts(events)["input_audio_buffer.committed"] == 1


async def test_long_conversations_are_read_one_after_another(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Respond] = []

    made = prompt.request_of

    def request_of(command: Respond, **more: Any) -> ResponderRequest:
        read.append(command)
        return made(command, **more)

    monkeypatch.setattr(prompt, "_SHORT_CONTEXT", 1)
    monkeypatch.setattr(prompt, "request_of", request_of)
    others = asyncio.Lock()
    async with talk(scripted_engines(responses=("Yes.",)), long_work=others) as connection:
        for words in ("one", "two"):
            await connection.send(typed(words))
        async with others:
            await connection.send(event("response.create", response=TEXT))
            await until(connection, "response.created")
            for _ in range(50):  # until every task waits for something
                await asyncio.sleep(0)
            assert not read
        await until(connection, "response.done")
    assert len(read) == 1
