from __future__ import annotations

import asyncio

import pytest

from duologue.protocol import Close
from duologue.server.session.send_queue import MAX_WAITING_BYTES, SendQueue

pytestmark = pytest.mark.usefixtures("idle_clock")


async def test_messages_come_out_in_order_and_a_close_behind_them() -> None:
    send_queue = SendQueue()
    close = Close(1000, "")
    for message in ("1", "2", close):
        send_queue.put(message)
    assert [await send_queue.get() for _ in range(3)] == ["1", "2", close]


async def test_it_is_idle_only_while_the_writer_waits_for_a_message() -> None:
    send_queue = SendQueue()
    idle = [send_queue.is_idle]
    waiting = asyncio.ensure_future(send_queue.get())
    await asyncio.sleep(0)
    idle.append(send_queue.is_idle)
    send_queue.put("1")
    idle.append(send_queue.is_idle)
    assert await asyncio.wait_for(waiting, 5) == "1"
    idle.append(send_queue.is_idle)  # the message may not be written yet
    waiting = asyncio.ensure_future(send_queue.get())
    await asyncio.sleep(0)
    send_queue.close()
    assert [*idle, send_queue.is_idle] == [False, True, False, False, False]
    waiting.cancel()
    await asyncio.wait({waiting})


async def test_a_cancelled_get_loses_nothing() -> None:
    send_queue = SendQueue()
    waiting = asyncio.ensure_future(send_queue.get())
    await asyncio.sleep(0)
    send_queue.put("1")
    waiting.cancel()
    await asyncio.wait({waiting})
    assert await asyncio.wait_for(send_queue.get(), 5) == "1"


async def test_a_producer_waits_until_the_client_has_caught_up() -> None:
    send_queue = SendQueue()
    send_queue.put("x" * MAX_WAITING_BYTES)
    await asyncio.wait_for(send_queue.room(), 5)
    send_queue.put("x")
    waiting = asyncio.ensure_future(send_queue.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await send_queue.get()
    await asyncio.wait_for(waiting, 5)


async def test_no_producer_waits_for_a_client_that_is_gone_and_nothing_is_kept_for_it() -> None:
    send_queue = SendQueue()
    send_queue.put("x" * (MAX_WAITING_BYTES + 1))
    waiting = asyncio.ensure_future(send_queue.room())
    await asyncio.sleep(0)
    send_queue.close()
    await asyncio.wait_for(waiting, 5)
    send_queue.put("late")
    send_queue.put("x" * (MAX_WAITING_BYTES + 1))
    await asyncio.wait_for(send_queue.room(), 5)


async def test_a_client_that_is_behind_and_takes_nothing_is_given_up_after_its_time() -> None:
    send_queue = SendQueue(max_waiting_bytes=1, stall_s=0.01)
    send_queue.put("xx")
    assert await asyncio.wait_for(send_queue.room(), 5) is False


async def test_a_client_that_is_behind_but_takes_something_is_waited_for() -> None:
    send_queue = SendQueue(max_waiting_bytes=1, stall_s=0.2)
    for _ in range(4):
        send_queue.put("x")
    waiting = asyncio.ensure_future(send_queue.room())
    for _ in range(2):
        await asyncio.wait({waiting}, timeout=0.15)
        assert not waiting.done()
        await send_queue.get()
    await send_queue.get()
    assert await asyncio.wait_for(waiting, 5) is True


async def test_a_large_message_counts_twice_while_it_is_sent_and_small_ones_never() -> None:
    counted: list[int] = []

    def charge(kind: str, n_bytes: int, forced: bool) -> None:
        assert (kind, forced) == ("backlog", True)
        counted.append(n_bytes)

    send_queue = SendQueue(charge=charge)
    for message in ("x" * 100_000, "small"):
        send_queue.put(message)
    assert sum(counted) == 100_000
    assert len(await send_queue.get()) == 100_000  # type: ignore[arg-type]
    assert sum(counted) == 200_000
    assert await send_queue.get() == "small"
    assert sum(counted) == 0
