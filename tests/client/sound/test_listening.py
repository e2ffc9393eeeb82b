"""A source's audio into a conversation, on a clock that the test controls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from duologue.audio.wav import Sound
from duologue.client import Conversation
from duologue.errors import ConnectionClosedError
from duologue.sound import AudioSource, WavSource
from duologue.testing import Close, Drop, Expect, ScriptedServer, ScriptStep, Send, Until
from tests.client._frames import greeting, sent_audio, serving
from tests.client.sound._speaking import CUE, cue, talking
from tests.client.sound._virtual_time import in_virtual_time


class Endless(AudioSource):
    """A microphone in a quiet room."""

    def __init__(self, *, breaks_after: int = 0) -> None:
        self.n_read = 0
        self.is_closed = False
        self._breaks_after = breaks_after

    async def read(self) -> bytes:
        await asyncio.sleep(0.04)
        self.n_read += 1
        if self.n_read == self._breaks_after:
            raise OSError("the device is gone")
        return bytes(1920)

    def close(self) -> None:
        self.is_closed = True


@in_virtual_time
async def test_awaited_it_sends_all_of_a_source_the_tail_in_the_resampler_too() -> None:
    async def synthesizer() -> AsyncIterator[object]:
        for _ in range(50):
            yield np.zeros((960, 2), np.float32)

    server = serving([])
    async with talking(server) as conversation:
        await conversation.listen(synthesizer(), rate_hz=48_000)  # type: ignore[arg-type]  # arrays
        await conversation.drain()
    assert len(sent_audio(server)) == 48_000


@in_virtual_time
async def test_in_a_block_it_runs_beside_it_and_stops_at_its_end() -> None:
    server, source = serving([]), Endless()
    async with talking(server) as conversation:
        async with conversation.listen(source):
            await asyncio.sleep(1.01)
        assert source.is_closed
        await asyncio.sleep(1)
    assert source.n_read == 25
    assert len(sent_audio(server)) == 25 * 1920


@in_virtual_time
async def test_a_block_waits_for_the_end_of_the_source_when_it_is_asked_to() -> None:
    server = serving([])
    async with talking(server) as conversation:
        async with conversation.listen(WavSource(Sound(bytes(4800), 24_000), silence_ms=0)) as listening:
            await listening.wait()
        await conversation.drain()
    assert len(sent_audio(server)) == 4800


@in_virtual_time
async def test_what_a_source_raises_ends_the_block_and_what_waits_for_it() -> None:
    async def block(conversation: Conversation, source: Endless) -> None:
        async with conversation.listen(source):
            await asyncio.Event().wait()

    async with talking(serving([])) as conversation:
        for awaited in (False, True):
            source = Endless(breaks_after=3)
            with pytest.raises(OSError, match="the device is gone"):
                await (conversation.listen(source) if awaited else block(conversation, source))
            assert source.is_closed
        assert await conversation.send_audio(bytes(480))


@in_virtual_time
async def test_the_end_of_the_conversation_ends_the_listening_and_a_failure_is_raised() -> None:
    for code in (1000, 3000):
        source = Endless()
        async with talking(serving([CUE, Close(code)])) as conversation:
            await cue(conversation)
            if code == 1000:
                await conversation.listen(source)
            else:
                with pytest.raises(ConnectionClosedError, match="3000"):
                    await conversation.listen(source)
            assert source.is_closed


@in_virtual_time
async def test_while_a_lost_connection_is_restored_the_audio_of_that_time_is_dropped() -> None:
    restored = asyncio.Event()
    again: list[ScriptStep] = [Until(restored), Send(greeting("sess_2")), Expect("input_audio_buffer.commit")]
    server = ScriptedServer([Send(greeting()), CUE, Drop()], again)
    async with talking(server) as conversation:
        async with conversation.listen(Endless()):
            await cue(conversation)
            await asyncio.sleep(1)
            restored.set()
            await asyncio.sleep(1)
        await conversation.commit()
    assert 20 * 1920 < len(sent_audio(server, 1)) < 30 * 1920
