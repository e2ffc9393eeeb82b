from __future__ import annotations

import asyncio

import pytest

from duologue.transports.webrtc.outbox import Outbox


async def test_messages_come_in_order_and_then_the_end() -> None:
    outbox = Outbox(100)
    for message in "abc":
        outbox.put(message)
    outbox.finish()
    outbox.put("too late")
    assert [await outbox.get() for _ in range(5)] == ["a", "b", "c", None, None]


async def test_a_wait_for_a_message_is_cancelled_without_loss() -> None:
    outbox = Outbox(100)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.get(), 0.01)
    outbox.put("a")
    assert await outbox.get() == "a"


async def test_there_is_room_again_when_enough_was_taken() -> None:
    outbox = Outbox(10)
    outbox.put("x" * 10)
    assert not outbox.is_full
    outbox.put("x")
    waiting = asyncio.ensure_future(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await outbox.get()
    async with asyncio.timeout(5):
        await waiting


@pytest.mark.parametrize("waits", ["room", "get"])
async def test_closing_ends_all_waits(waits: str) -> None:
    outbox = Outbox(1)
    if waits == "room":
        outbox.put("two")
    async with asyncio.timeout(5):
        waiting: asyncio.Future[object] = asyncio.ensure_future(getattr(outbox, waits)())
        await asyncio.sleep(0)
        assert not waiting.done()
        outbox.close()
        assert await waiting is None
    assert await outbox.get() is None
