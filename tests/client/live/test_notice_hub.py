"""Streams and callbacks of a Live session."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from duologue.events.live import LiveErrorEvent
from duologue.notices import LiveAudioPiece, TranscriptDelta, UtteranceEnded
from duologue.testing import Expect, Send
from tests.client.live._talking import error, heard, says, serving, sound, talking

TALK = (says("user", "Hello.", 0, 200), sound("AAAAAA=="), says("assistant", "Bye.", 3000, 3200))


async def test_a_stream_has_the_notices_of_its_kinds() -> None:
    async with talking(serving(Send(*TALK))) as live, live.stream(TranscriptDelta, LiveAudioPiece) as notices:
        kinds = {type(notice) for notice in await heard(notices, 3)}
    assert kinds == {TranscriptDelta, LiveAudioPiece}


async def test_utterances_and_audio_are_iterated() -> None:
    async with talking(serving(Expect("session.thinking.append"), Send(*TALK))) as live:
        reading = asyncio.gather(anext(aiter(live.utterances())), anext(aiter(live.audio())))
        await live.append_thinking("Begin.")
        async with asyncio.timeout(5):
            utterance, piece = await reading
        assert utterance.text == "Hello."
        assert piece.audio == bytes(4)


async def test_a_callback_is_called_in_order_and_can_be_taken_away() -> None:
    server = serving(Send(*TALK), Expect("session.thinking.append"), Send(says("user", "More.", 9000, 9200)))
    texts: list[str] = []
    async with talking(server) as live:
        remove = live.on(TranscriptDelta, lambda notice: texts.append(notice.delta))
        async with live.stream(UtteranceEnded) as ended:
            await heard(ended)
            remove()
            await live.append_thinking("x")
            await heard(ended)
    assert texts == ["Hello.", "Bye."]


async def test_a_decorated_function_stays_what_it_is_and_one_that_raises_is_called_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[str] = []
    async with talking(serving(Send(*TALK))) as live:

        @live.on(TranscriptDelta)
        async def note(notice: TranscriptDelta) -> None:
            calls.append(notice.delta)
            raise ValueError("the text is 'secret'")

        async with live.stream(UtteranceEnded) as ended:
            await heard(ended)
        assert inspect.iscoroutinefunction(note)
    assert calls == ["Hello.", "Bye."]
    assert "a callback for TranscriptDelta failed" in caplog.text


async def test_events_come_as_they_are_before_their_notices() -> None:
    server = serving(Send(error(code="context_injection_incomplete")))
    async with talking(server) as live, live.stream("error") as events:
        (event,) = await heard(events)
    assert isinstance(event, LiveErrorEvent)
    assert event.error.code == "context_injection_incomplete"
