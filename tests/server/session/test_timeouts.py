from __future__ import annotations

import asyncio

import pytest

from duologue.server.session.timeouts import EngineTimeout, ReusableTimeout

pytestmark = pytest.mark.usefixtures("idle_clock")


async def nothing(seconds: float = 0.0) -> str:
    await asyncio.sleep(seconds)
    return "done"


async def test_a_wait_that_lasts_too_long_is_ended_and_its_work_cancelled() -> None:
    ended = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    timeout = ReusableTimeout(0.01)
    async with asyncio.timeout(5):
        with pytest.raises(EngineTimeout):
            await timeout.wait_for(hang())
    assert ended.is_set()
    assert await timeout.wait_for(nothing()) == "done", "the next wait begins anew"


async def test_a_cancellation_from_outside_goes_before_the_end_of_patience() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task.cancel()
            raise

    task = asyncio.ensure_future(ReusableTimeout(0.01).wait_for(stubborn()))
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


async def test_a_wait_inside_a_timeout_leaves_the_timeout_its_own() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ReusableTimeout(5).wait_for(nothing(10))


async def test_many_waits_that_are_each_short_may_last_long_together() -> None:
    timeout = ReusableTimeout(0.1)
    for _ in range(15):
        assert await timeout.wait_for(nothing(0.01)) == "done"
    with pytest.raises(EngineTimeout):
        await asyncio.wait_for(timeout.wait_for(nothing(10)), 5)
