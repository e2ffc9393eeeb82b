"""A call as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import pytest

from duologue.conformance.wire.raw_call import RawCall
from duologue.conformance.wire.speech_sample import append_of
from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.transports.webrtc.memory import MemoryPeer, memory_peers
from duologue.transports.webrtc.peer import FRAME_BYTES

pytestmark = pytest.mark.usefixtures("idle_clock")

LOUD = b"\x00\x20" * (FRAME_BYTES // 2)


@asynccontextmanager
async def calling(*, max_message_bytes: int = 262_144) -> AsyncGenerator[tuple[RawCall, MemoryPeer], None]:
    client, server = await memory_peers(max_message_bytes=max_message_bytes)
    call = RawCall(client, call_id="rtc_1", url=None)
    try:
        yield call, server
    finally:
        await call.close()


def text_of(event: object) -> str:
    return msgspec.json.encode(event).decode()


async def test_messages_come_as_they_are_and_in_order() -> None:
    async with calling() as (call, server):
        for message in ("no JSON", '{"type":"response.done"}', '{"type":"output_audio_buffer.stopped"}'):
            await server.send(message)
        assert [await call.receive() for _ in range(3)] == [
            "no JSON",
            '{"type":"response.done"}',
            '{"type":"output_audio_buffer.stopped"}',
        ]


async def test_appended_audio_is_played_behind_silence_and_before_silence_at_the_speed_of_sound() -> None:
    async with calling() as (call, server):
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await call.send(text_of(append_of(LOUD * 50)))
        heard = [await server.hear() for _ in range(80)]
        frames = [frame == LOUD for frame in heard]
        assert frames.index(True) in range(4, 8)
        assert sum(frames) == 50
        assert not any(frames[-10:])
        assert 1.2 < asyncio.get_running_loop().time() - began < 1.8


async def test_a_commit_waits_until_the_sound_before_it_is_played_and_other_commands_do_not() -> None:
    async with calling() as (call, server):
        now = asyncio.get_running_loop().time
        began = now()
        await call.send(text_of(append_of(LOUD * 15)))
        await call.send(text_of({"type": "response.cancel"}))
        assert now() - began < 0.05
        await call.send(text_of({"type": "input_audio_buffer.commit"}))
        assert 0.5 < now() - began < 0.8
        assert [msgspec.json.decode(await server.receive())["type"] for _ in range(2)] == [
            "response.cancel",
            "input_audio_buffer.commit",
        ]


async def test_a_sender_that_is_ahead_waits() -> None:
    async with calling() as (call, _):
        now = asyncio.get_running_loop().time
        began = now()
        for _ in range(4):
            await call.send(text_of(append_of(LOUD * 50)))
        assert 2 < now() - began < 4


@pytest.mark.parametrize("audio", ["!?", "AA==", "", 5])
async def test_an_append_without_samples_goes_to_the_server(audio: object) -> None:
    async with calling() as (call, server):
        sent = text_of({"type": "input_audio_buffer.append", "audio": audio})
        await call.send(sent)
        assert await asyncio.wait_for(server.receive(), 5) == sent


async def test_what_is_heard_is_counted_without_silence() -> None:
    async with calling() as (call, server):
        for frame in (LOUD, bytes(FRAME_BYTES), LOUD):
            server.play(frame)
        await asyncio.sleep(0.1)
        assert call.heard_ms == 40


async def test_a_message_that_is_too_long_ends_what_sends_it() -> None:
    async with calling(max_message_bytes=100) as (call, _):
        with pytest.raises(ConnectionClosedError) as closed:
            await call.send(text_of({"type": "x" * 200}))
        assert closed.value.code == 1009


async def test_the_servers_end_is_told_to_all_who_wait() -> None:
    async with calling() as (call, server):
        receiving = asyncio.ensure_future(call.receive())
        sending = asyncio.ensure_future(call.send(text_of({"type": "input_audio_buffer.clear"})))
        await server.close()
        done, _ = await asyncio.wait([receiving, sending], timeout=5)
        assert {type(task.exception()) for task in done} <= {ConnectionClosedOK, ConnectionClosedError}
        assert len(done) == 2


async def test_closing_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with calling() as (call, _):
        await call.close()
        await call.close()
    assert asyncio.all_tasks() == before
