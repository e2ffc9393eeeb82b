from __future__ import annotations

import asyncio

import pytest

from duologue.clock import loop_time
from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.testing.virtual_time import run_in_virtual_time
from duologue.transports.webrtc.memory import MemoryStack, memory_peers
from duologue.transports.webrtc.peer import (
    FRAME_BYTES,
    InvalidOffer,
    MessageTooLong,
    NoPortsLeft,
    Peer,
    PeerSettings,
    Stack,
)


async def test_messages_and_sound_pass_both_ways_in_order() -> None:
    client, server = await memory_peers()
    ends: list[Peer] = [client, server]
    for one, other in (ends, ends[::-1]):
        await one.send("a")
        await one.send("b")
        one.play(b"\1" * FRAME_BYTES)
        one.play(b"\2" * FRAME_BYTES)
        async with asyncio.timeout(5):
            assert [await other.receive(), await other.receive()] == ["a", "b"]
            assert [(await other.hear())[0], (await other.hear())[0]] == [1, 2]
        assert (await other.figures()).received_packets == 2


async def test_messages_wait_until_the_answer_is_taken() -> None:
    stack: Stack = MemoryStack()
    client, server = stack.new_peer(PeerSettings()), stack.new_peer(PeerSettings())
    answer = await server.answer(await client.offer())
    async with asyncio.timeout(5):
        sending = asyncio.gather(server.send("first"), client.receive())
        await asyncio.sleep(0)
        assert not sending.done()
        await client.connect(answer)
        assert (await sending)[1] == "first"


async def test_what_is_no_offer_is_refused() -> None:
    stack = MemoryStack()
    client, server = stack.new_peer(PeerSettings()), stack.new_peer(PeerSettings())
    offer = await client.offer()
    for text in ("", "hello", offer.replace("o=- 1 ", "o=- 2 ")):
        with pytest.raises(InvalidOffer):
            await server.answer(text)
    assert stack.n_open == 1
    answer = await server.answer(offer)
    with pytest.raises(InvalidOffer, match="no peer"):
        await stack.new_peer(PeerSettings()).answer(offer)
    with pytest.raises(InvalidOffer, match="no answer"):
        await client.connect("hello")
    await client.connect(answer)


async def test_a_closed_peer_gives_its_port_back() -> None:
    stack = MemoryStack(n_ports=2)
    client, server = stack.new_peer(PeerSettings()), stack.new_peer(PeerSettings())
    await server.answer(await client.offer())
    with pytest.raises(NoPortsLeft):
        await stack.new_peer(PeerSettings()).offer()
    await client.close()
    await client.close()
    assert stack.n_open == 1
    waiting = stack.new_peer(PeerSettings())
    offer = await waiting.offer()
    await waiting.close()
    with pytest.raises(InvalidOffer):
        await stack.new_peer(PeerSettings()).answer(offer)


async def test_a_close_comes_behind_the_messages() -> None:
    client, server = await memory_peers()
    await client.send("last words")
    await client.close()
    async with asyncio.timeout(5):
        assert await server.receive() == "last words"
        for call in (server.receive, server.hear, client.receive):
            with pytest.raises(ConnectionClosedOK):
                await call()
        with pytest.raises(ConnectionClosedOK):
            await server.send("too late")
    server.play(bytes(FRAME_BYTES))


async def test_a_sender_waits_for_a_slow_reader() -> None:
    client, server = await memory_peers(settings=PeerSettings(backlog_bytes=10))
    await client.send("more than ten bytes")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.send("second"), 0.01)
    assert await server.receive() == "more than ten bytes"
    async with asyncio.timeout(5):
        await client.send("third")
        assert await server.receive() == "third"


async def test_a_message_above_the_limit_is_not_sent() -> None:
    client, server = await memory_peers(max_message_bytes=10)
    assert server.max_message_bytes == 10
    with pytest.raises(MessageTooLong) as caught:
        await client.send("sechs ß 1 ")
    assert (caught.value.n_bytes, caught.value.max_bytes) == (11, 10)
    await client.send("0123456789")
    assert await server.receive() == "0123456789"


def test_who_vanishes_is_missed_after_the_silence() -> None:
    async def call() -> float:
        client, server = await memory_peers(settings=PeerSettings(silent_s=7))
        began_at = loop_time()
        client.vanish()
        client.play(bytes(FRAME_BYTES))
        with pytest.raises(ConnectionClosedError):
            await client.send("from beyond")
        with pytest.raises(ConnectionClosedError) as caught:
            await server.receive()
        assert caught.value.code == 1006
        with pytest.raises(ConnectionClosedError):
            await server.hear()
        await server.close()
        return loop_time() - began_at

    assert run_in_virtual_time(call()) == pytest.approx(7)


async def test_an_end_that_does_not_hear_keeps_a_minute() -> None:
    client, server = await memory_peers()
    for number in range(3001):
        client.play(number.to_bytes(2, "little"))
    assert await server.hear() == b"\1\0"
