"""The clock follows the running loop."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from duologue.clock import is_virtual, local_date, loop_time, unix_time, waiting_for_thread


class OtherTimes(asyncio.SelectorEventLoop):
    """Begins in 1970, and its timers at 40 s."""

    def time(self) -> float:
        return 40.0

    def unix_time(self) -> float:
        return 60.0


async def test_time_is_that_of_the_loops_timers() -> None:
    loop = asyncio.get_running_loop()
    before, now, after = loop.time(), loop_time(), loop.time()
    assert before <= now <= after


async def test_the_date_is_the_systems() -> None:
    assert abs(unix_time() - time.time()) < 60
    assert abs(local_date() - datetime.now(UTC)).total_seconds() < 60


def test_a_loop_may_have_a_time_and_a_date_of_its_own() -> None:
    async def times() -> tuple[float, float, datetime]:
        assert is_virtual()
        return loop_time(), unix_time(), local_date()

    with asyncio.Runner(loop_factory=OtherTimes) as runner:
        now, date, local = runner.run(times())
    assert (now, date) == (40.0, 60.0)
    assert local == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert local.tzinfo is not None


async def test_an_ordinary_loop_is_told_of_threads_in_vain() -> None:
    assert not is_virtual()
    with waiting_for_thread():
        assert await asyncio.to_thread(abs, -1) == 1


def test_without_a_loop_there_is_a_date_and_no_time() -> None:
    assert abs(unix_time() - time.time()) < 60
    with pytest.raises(RuntimeError, match="no running event loop"):
        loop_time()
