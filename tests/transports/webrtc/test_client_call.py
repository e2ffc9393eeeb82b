from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

import pytest

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.events import InputAudioBufferAppendEvent
from duologue.events.base import decode_audio
from duologue.testing.virtual_time import run_in_virtual_time
from duologue.transports.webrtc import client_call
from duologue.transports.webrtc.client_call import MAX_WAITING_MS, ClientCall
from duologue.transports.webrtc.memory import MemoryPeer, memory_peers
from duologue.transports.webrtc.peer import FRAME_BYTES, PeerSettings

TONE = array("h", [1000] * 480).tobytes()
PART = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}

T = TypeVar("T")


def event(type: str, **fields: Any) -> str:
    return json.dumps({"type": type, "event_id": "event_x", **fields})


def append(audio: bytes) -> str:
    return json.dumps(InputAudioBufferAppendEvent.from_audio(audio).to_json())


async def within(awaitable: Awaitable[T], seconds: float = 5) -> T:
    async with asyncio.timeout(seconds):
        return await awaitable


async def opened(**settings: Any) -> tuple[ClientCall, MemoryPeer]:
    mine, other = await memory_peers(settings=PeerSettings(**settings))
    return ClientCall(mine, call_id="rtc_1"), other


async def hear_sound(peer: MemoryPeer) -> bytes:
    """The next frame that is not silent."""
    while not (frame := await peer.hear()).strip(b"\0"):
        pass
    return frame


async def left_tasks() -> set[asyncio.Task[Any]]:
    await asyncio.sleep(0)
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_events_pass_both_ways_in_order() -> None:
    call, server = await opened()
    try:
        assert call.call_id == "rtc_1"
        await within(server.send(event("session.created", session={})))
        await within(call.opened())
        assert json.loads(await within(call.receive()))["type"] == "session.created"
        for number in range(50):
            await within(call.send(event("response.create", number=number)))
        received = [json.loads(await within(server.receive()))["number"] for _ in range(50)]
        assert received == [*range(50)]
    finally:
        await call.close()
    assert await left_tasks() == set()


def test_appended_audio_is_played_in_its_time_and_silence_otherwise() -> None:
    async def talk() -> list[bytes]:
        call, server = await opened()
        await call.send(append(TONE * 50))
        await asyncio.sleep(2)
        frames = []
        with suppress(TimeoutError):
            while True:
                frames.append(await within(server.hear(), 0.01))
        await call.close()
        return frames

    frames = run_in_virtual_time(talk())
    assert frames[:50] == [TONE] * 50
    assert 97 <= len(frames) <= 102
    assert set(frames[50:]) == {bytes(FRAME_BYTES)}


async def test_the_server_s_sound_comes_as_deltas_of_its_part() -> None:
    call, server = await opened()
    try:
        for message in (
            event("response.created", response={"id": "resp_1", "object": "realtime.response"}),
            event("response.content_part.added", **PART, part={"type": "audio"}),
            event("output_audio_buffer.started", response_id="resp_1"),
        ):
            await server.send(message)
            await within(call.receive())
        server.play(TONE)
        delta = json.loads(await within(call.receive()))
        assert (delta["type"], delta["item_id"]) == ("response.output_audio.delta", "item_1")
        assert decode_audio(delta["delta"]) == TONE
    finally:
        await call.close()


def test_a_commit_is_sent_behind_its_sound() -> None:
    async def talk() -> list[str]:
        call, server = await opened()
        await call.send(append(TONE * 100))
        await call.send(event("input_audio_buffer.commit"))
        order: list[str] = []

        async def hear() -> None:
            while True:
                await hear_sound(server)
                order.append("sound")

        hearing = asyncio.gather(hear(), return_exceptions=True)
        await server.receive()
        order.append("commit")
        await call.close()
        await hearing
        return order

    assert run_in_virtual_time(talk()) == ["sound"] * 100 + ["commit"]


async def test_what_came_before_the_end_is_told_and_then_the_end() -> None:
    call, server = await opened()
    await server.send(event("rate_limits.updated", rate_limits=[]))
    await server.close()
    assert json.loads(await within(call.receive()))["type"] == "rate_limits.updated"
    for _ in range(2):
        with pytest.raises(ConnectionClosedOK):
            await within(call.receive())
    with pytest.raises(ConnectionClosedOK):
        await within(call.send("{}"))
    with pytest.raises(ConnectionClosedOK):
        await within(call.opened())
    await call.close()
    await call.close()
    assert await left_tasks() == set()


def test_a_server_that_vanishes_ends_the_call_with_1006() -> None:
    async def talk() -> ConnectionClosed:
        call, server = await opened(silent_s=3)
        server.vanish()
        try:
            with pytest.raises(ConnectionClosedError) as caught:
                await call.receive()
            return caught.value
        finally:
            await call.close()

    assert run_in_virtual_time(talk()).code == 1006


async def test_a_fault_of_the_stack_ends_the_call_and_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def play(self: MemoryPeer, frame: bytes) -> None:
        raise RuntimeError("native")

    monkeypatch.setattr(MemoryPeer, "play", play)
    call, _ = await opened()
    with pytest.raises(ConnectionClosedError) as caught:
        await within(call.receive())
    await call.close()
    assert caught.value.code == 1011
    assert "native" not in str(caught.value)
    assert "a call broke" in caplog.text


def test_what_was_sent_is_waited_for_until_it_has_been_heard() -> None:
    async def talk() -> float:
        call, _ = await opened()
        began_at = asyncio.get_running_loop().time()
        await call.played()
        await call.send(append(TONE * 100))
        await call.played()
        took_s = asyncio.get_running_loop().time() - began_at
        await call.send(append(TONE * 100))
        closing = asyncio.gather(call.played(), return_exceptions=True)
        await asyncio.sleep(0.1)
        await call.close()
        assert isinstance((await closing)[0], ConnectionClosedOK)
        return took_s

    assert 2.1 <= run_in_virtual_time(talk()) <= 2.4


def test_a_sender_that_is_a_minute_ahead_waits() -> None:
    async def talk() -> None:
        call, _ = await opened()
        second = append(TONE * 50)
        for _ in range(MAX_WAITING_MS // 1000 + 1):
            await within(call.send(second), 0.01)
        with pytest.raises(TimeoutError):
            await within(call.send(second), 0.5)
        await within(call.send(second), 1)
        with pytest.raises(TimeoutError):
            await within(call.send(event("response.create")), 0.1)
        await call.close()
        with pytest.raises(ConnectionClosedOK):
            await call.send(second)

    run_in_virtual_time(talk())


def test_a_sender_waits_for_a_channel_that_takes_nothing() -> None:
    async def talk() -> int:
        call, server = await opened(backlog_bytes=10)
        n = 0
        with suppress(TimeoutError):
            while n < 1000:
                await within(call.send(event("response.create", number=n)), 0.1)
                n += 1
        received = 0
        async with asyncio.timeout(5):
            while received < n:
                await server.receive()
                received += 1
        await call.close()
        return n

    assert 10 < run_in_virtual_time(talk()) < 100


async def test_an_application_that_does_not_read_holds_the_reading_up_but_not_its_own_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_call, "_MAX_UNREAD", 3)
    call, server = await opened(backlog_bytes=10)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await server.send(event("rate_limits.updated", rate_limits=[]))
        await call.send(append(TONE))
        assert await within(hear_sound(server)) == TONE
        for _ in range(5):
            await within(call.receive())
    finally:
        await call.close()


async def test_a_message_that_is_too_long_is_answered_with_an_error() -> None:
    mine, server = await memory_peers(max_message_bytes=1000)
    call = ClientCall(mine)
    try:
        await call.send(json.dumps({"type": "response.create", "event_id": "event_7", "filler": "x" * 1000}))
        await call.send(event("response.cancel"))
        error = json.loads(await within(call.receive()))["error"]
        assert (error["event_id"], error["code"]) == ("event_7", "message_too_long")
        assert "takes 1000" in error["message"]
        assert json.loads(await within(server.receive()))["type"] == "response.cancel"
    finally:
        await call.close()


async def test_receiving_may_be_cancelled() -> None:
    call, server = await opened()
    try:
        with pytest.raises(TimeoutError):
            await within(call.receive(), 0.01)
        await server.send("a")
        assert await within(call.receive()) == "a"
    finally:
        await call.close()


async def test_what_was_sent_before_a_close_arrives() -> None:
    call, server = await opened()
    for number in range(5):
        await call.send(event("response.create", number=number))
    await call.close()
    assert [json.loads(await within(server.receive()))["number"] for _ in range(5)] == [*range(5)]


def test_a_server_that_takes_nothing_holds_no_close_up() -> None:
    async def talk() -> float:
        call, _ = await opened(backlog_bytes=10)
        for number in range(5):
            await call.send(event("response.create", number=number))
        began_at = asyncio.get_running_loop().time()
        await call.close()
        return asyncio.get_running_loop().time() - began_at

    assert run_in_virtual_time(talk()) <= 1
