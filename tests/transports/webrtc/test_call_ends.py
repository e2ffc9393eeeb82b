"""Every way in which a call ends."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from duologue.clock import loop_time
from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.protocol import Close
from duologue.testing import CountedIds, scripted_engines
from duologue.transports.webrtc.call import CallTransport
from duologue.transports.webrtc.memory import MemoryStack, memory_peers
from duologue.transports.webrtc.peer import FRAME_BYTES, PeerSettings
from tests.transports.webrtc._talking import (
    LONG_S,
    SENTENCE,
    Caller,
    calling,
    close_of,
    in_virtual_time,
)

STARTED, STOPPED, CLEARED = (f"output_audio_buffer.{what}" for what in ("started", "stopped", "cleared"))


def test_a_page_that_closes_ends_the_session_at_once() -> None:
    async def call() -> float:
        async with calling() as caller:
            began_at = loop_time()
            await caller.peer.close()
            await caller.ended()
            assert await close_of(caller.call) == 1000
            with pytest.raises(ConnectionClosedOK):
                await caller.call.send("{}")
            return loop_time() - began_at

    assert in_virtual_time(call) < 0.1


def test_a_page_that_vanishes_ends_the_session_when_it_is_missed() -> None:
    async def call() -> float:
        async with calling(settings=PeerSettings(silent_s=10)) as caller:
            began_at = loop_time()
            caller.peer.vanish()
            assert await close_of(caller.call) == 1006
            return loop_time() - began_at

    assert in_virtual_time(call) == pytest.approx(10, abs=0.1)


def test_a_session_that_stops_sends_its_last_events_first() -> None:
    async def call() -> Caller:
        async with calling() as caller:
            await caller.update(instructions="one")
            await caller.send("session.update", session={"type": "realtime", "voice": 1})
            await caller.until("error")
            caller.session.stop(Close(1001, "bye"))
            assert await caller.ended() == 1000
        return caller

    assert in_virtual_time(call).types()[-1] == "error"


def test_a_session_that_drains_lets_the_speech_be_played() -> None:
    async def call() -> Caller:
        async with calling(scripted_engines(responses=(SENTENCE,))) as caller:
            await caller.says()
            await caller.until("response.done")
            caller.session.drain()
            await caller.ended()
        return caller

    caller = in_virtual_time(call)
    assert caller.types()[-1] == STOPPED
    assert len(caller.heard_at) == round(LONG_S * 50)


def test_a_peer_that_takes_nothing_does_not_hold_the_close_up() -> None:
    async def call() -> float:
        client, server = await memory_peers(settings=PeerSettings(backlog_bytes=10))
        transport = CallTransport(server, call_id="rtc_1", new_id=CountedIds())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(transport.run())
            await asyncio.sleep(0.1)
            for _ in range(5):
                await transport.send('{"type":"much too much"}')
            began_at = loop_time()
            await transport.close(1001, "going away")
            await transport.close()
            assert await client.receive() == '{"type":"much too much"}'
            return loop_time() - began_at

    assert 1 < in_virtual_time(call) < 5


def test_a_call_that_is_closed_before_it_runs_is_over() -> None:
    async def call() -> None:
        peer = MemoryStack().new_peer(PeerSettings())
        transport = CallTransport(peer, call_id="rtc_1", new_id=CountedIds())
        await transport.close(1011, "no engines")
        await transport.run()
        await transport.close()
        with pytest.raises(ConnectionClosedError):
            await transport.receive()

    in_virtual_time(call)


def test_a_call_that_is_cancelled_is_going_away() -> None:
    async def call() -> None:
        client, server = await memory_peers()
        transport = CallTransport(server, call_id="rtc_1", new_id=CountedIds())
        running = asyncio.ensure_future(transport.run())
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(ConnectionClosedOK) as caught:
            await transport.receive()
        assert caught.value.code == 1001
        with pytest.raises(ConnectionClosedOK):
            await client.receive()

    in_virtual_time(call)


def test_a_peer_that_breaks_ends_the_call() -> None:
    async def call() -> None:
        _, server = await memory_peers()

        async def broken() -> bytes:
            raise RuntimeError("native trouble")

        server.hear = broken  # type: ignore[method-assign]
        transport = CallTransport(server, call_id="rtc_1", new_id=CountedIds())
        with pytest.raises(ExceptionGroup):
            await transport.run()
        with pytest.raises(ConnectionClosedError) as caught:
            await transport.receive()
        assert caught.value.code == 1011

    in_virtual_time(call)


def test_what_is_due_behind_the_end_is_not_played() -> None:
    async def call() -> None:
        client, server = await memory_peers()
        transport = CallTransport(server, call_id="rtc_1", new_id=CountedIds())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(transport.run())
            part = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0, "event_id": "e"}
            delta = {"type": "response.output_audio.delta", **part, "delta": "A" * FRAME_BYTES * 40}
            await transport.send(msgspec.json.encode(delta).decode())
            await asyncio.sleep(0.1)
            await transport.close()
        await asyncio.sleep(1)
        assert (await client.figures()).received_packets in (5, 6)

    in_virtual_time(call)
