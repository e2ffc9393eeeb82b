"""Messages are taken in order, by one reader that may be cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from duologue.server.run.message_queue import MessageQueue

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent


def message(text: str) -> ASGIReceiveEvent:
    return {"type": "websocket.receive", "text": text}


async def test_messages_are_taken_in_order() -> None:
    queue = MessageQueue(asyncio.get_running_loop())
    queue.put_nowait(message("a"))
    queue.put_nowait(message("b"))
    assert (queue.qsize(), queue.empty()) == (2, False)
    assert [await queue.get(), await queue.get()] == [message("a"), message("b")]
    assert queue.empty()


async def test_a_reader_that_waits_is_woken() -> None:
    queue = MessageQueue(asyncio.get_running_loop())
    reading = asyncio.ensure_future(queue.get())
    seen = [queue.has_reader]
    await asyncio.sleep(0)
    seen.append(queue.has_reader)
    queue.put_nowait(message("a"))
    assert [*seen, queue.has_reader] == [False, True, False]
    assert await asyncio.wait_for(reading, 5) == message("a")


async def test_cancelling_the_reader_loses_nothing() -> None:
    queue = MessageQueue(asyncio.get_running_loop())
    for before in (True, False):
        reading = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        if before:
            reading.cancel()
            await asyncio.wait({reading})
            assert not queue.has_reader
        queue.put_nowait(message("a"))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await queue.get() == message("a")
