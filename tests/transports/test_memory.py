from __future__ import annotations

import asyncio

import pytest

from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.transports import memory_pair


async def test_a_cancelled_send_sends_nothing() -> None:
    one, other = memory_pair(capacity=1)
    await one.send("1")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(one.send("2"), 0.01)
    assert await other.receive() == "1"
    await one.send("3")
    assert await other.receive() == "3"


async def test_a_close_wakes_all_that_wait() -> None:
    one, other = memory_pair(capacity=1)
    await one.send("1")
    async with asyncio.timeout(5):
        waiting = asyncio.gather(one.send("2"), one.receive(), return_exceptions=True)
        await asyncio.sleep(0)
        await other.close(1001, "gone")
        assert [type(result) for result in await waiting] == [ConnectionClosedOK] * 2
        assert await other.receive() == "1"


async def test_the_first_close_counts() -> None:
    one, other = memory_pair()
    await one.close(4000, "first")
    await other.close(1000, "second")
    for end in (one, other):
        with pytest.raises(ConnectionClosedError) as caught:
            await end.receive()
        assert (caught.value.code, caught.value.reason) == (4000, "first")
