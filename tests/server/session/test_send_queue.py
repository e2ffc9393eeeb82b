from __future__ import annotations

import asyncio

import pytest

from duologue.protocol import Close
from duologue.server.session.send_queue import MOST_WAITING_BYTES, Outbox

pytestmark = pytest.mark.usefixtures("idle_clock")


async def test_messages_come_out_in_order_and_a_close_behind_them() -> None:
    outbox = Outbox()
    close = Close(1000, "")
    for message in ("1", "2", close):
        outbox.put(message)
    assert [await outbox.get() for _ in range(3)] == ["1", "2", close]


async def test_a_cancelled_get_loses_nothing() -> None:
    outbox = Outbox()
    waiting = asyncio.ensure_future(outbox.get())
    await asyncio.sleep(0)
    outbox.put("1")
    waiting.cancel()
    await asyncio.wait({waiting})
    assert await asyncio.wait_for(outbox.get(), 5) == "1"


async def test_whoever_makes_more_waits_until_the_client_has_caught_up() -> None:
    outbox = Outbox()
    outbox.put("x" * MOST_WAITING_BYTES)
    await asyncio.wait_for(outbox.room(), 5)
    outbox.put("x")
    waiting = asyncio.ensure_future(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await outbox.get()
    await asyncio.wait_for(waiting, 5)


async def test_nobody_waits_for_a_client_that_is_gone_and_nothing_is_kept_for_it() -> None:
    outbox = Outbox()
    outbox.put("x" * (MOST_WAITING_BYTES + 1))
    waiting = asyncio.ensure_future(outbox.room())
    await asyncio.sleep(0)
    outbox.close()
    await asyncio.wait_for(waiting, 5)
    outbox.put("late")
    outbox.put("x" * (MOST_WAITING_BYTES + 1))
    await asyncio.wait_for(outbox.room(), 5)


async def test_a_client_that_is_behind_and_takes_nothing_is_given_up_after_its_time() -> None:
    outbox = Outbox(most_waiting_bytes=1, stall_s=0.01)
    outbox.put("xx")
    assert await asyncio.wait_for(outbox.room(), 5) is False


async def test_a_client_that_is_behind_but_takes_something_is_waited_for() -> None:
    outbox = Outbox(most_waiting_bytes=1, stall_s=0.2)
    for _ in range(4):
        outbox.put("x")
    waiting = asyncio.ensure_future(outbox.room())
    for _ in range(2):
        await asyncio.wait({waiting}, timeout=0.15)
        assert not waiting.done()
        await outbox.get()
    await outbox.get()
    assert await asyncio.wait_for(waiting, 5) is True
