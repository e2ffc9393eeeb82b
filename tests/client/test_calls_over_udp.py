"""A spoken conversation of our client with our server over UDP, with the native stack, on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

import duologue
from duologue import blocking
from duologue.audio.formats import PCM
from duologue.audio.levels import level_dbfs
from duologue.events import ConversationItemTruncatedEvent
from duologue.notices import AudioDelta, ErrorReported, Interrupted, ResponseFinished
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from tests.client._waiting import no_task_left
from tests.client.test_calls_to_our_server import SESSION, SPEECH
from tests.server._listening import listening

pytest.importorskip("webrtc", reason="the extra `webrtc` is not installed")

SHORT, LONG = "Good day.", "This is a long answer, which takes its time. " * 5


@asynccontextmanager
async def server(*responses: str) -> AsyncGenerator[str]:
    engines = scripted_engines(responses=responses)
    async with no_task_left(), listening(RealtimeApp(engines=scripted_app_engines(engines))) as url:
        yield url


async def test_a_turn_and_a_barge_in() -> None:
    async with (
        server(SHORT, LONG, SHORT) as url,
        duologue.converse(url, transport="webrtc", session=SESSION) as conversation,
        conversation.stream(
            AudioDelta, ErrorReported, Interrupted, ConversationItemTruncatedEvent, ResponseFinished
        ) as notices,
    ):
        await conversation.send_audio(SPEECH)
        heard = b""
        while not isinstance(notice := await asyncio.wait_for(notices.receive(), 9), ResponseFinished):
            assert isinstance(notice, AudioDelta)
            heard += notice.audio
        assert level_dbfs(heard) > -40
        spoken_ms = len(SHORT.split()) * 300  # the scripted synthesizer's pace
        assert PCM.duration_ms(len(heard)) == pytest.approx(spoken_ms, abs=600)

        await conversation.send_audio(SPEECH)
        while not isinstance(await asyncio.wait_for(notices.receive(), 9), AudioDelta):
            pass
        await conversation.send_audio(SPEECH)
        kinds: list[type] = []
        while kinds.count(ResponseFinished) < 2:
            kinds.append(type(await asyncio.wait_for(notices.receive(), 9)))
        assert {Interrupted, ConversationItemTruncatedEvent} <= set(kinds)
        assert ErrorReported not in kinds
        cut = [item.truncated_at_ms for item in conversation.items if item.truncated_at_ms is not None]
        assert len(cut) == 1


async def test_threads_talk() -> None:
    def talk(url: str) -> int:
        with blocking.converse(url, transport="webrtc", session=SESSION) as conversation:
            heard: list[bytes] = []
            with conversation.play(heard.append), conversation.stream(ResponseFinished, timeout=9) as notices:
                conversation.send_audio(SPEECH, timeout=5)
                notices.receive()
            return len(b"".join(heard))

    async with server(SHORT) as url:
        assert await asyncio.to_thread(talk, url) > PCM.bytes_for_ms(300)
