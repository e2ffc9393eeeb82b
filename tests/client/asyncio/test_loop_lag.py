from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from duologue import connect
from duologue.client.asyncio.loop_lag import LoopWatchdog, watched_loop
from duologue.transports import memory_pair

LATE_MS = 20


class Warnings(logging.Handler):
    """Collects the warnings, and wakes the test that waits for one."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.came.set()


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    logger, handler = logging.getLogger("duologue.client.asyncio.loop_lag"), Warnings()
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def stand_still(warnings: Warnings, *, at_most_s: float = 5) -> bool:
    """What no callback should do: wait, here for the warning about it."""
    warnings.came.clear()
    return warnings.came.wait(at_most_s)


async def dawdle(warnings: Warnings) -> bool:
    return stand_still(warnings)


def threads(*, ending: bool = False) -> list[threading.Thread]:
    """The watchdogs that run; those that are about to end are given time to."""
    running = [thread for thread in threading.enumerate() if thread.name == "duologue-watchdog"]
    for thread in running if ending else []:
        thread.join(5)
    return [thread for thread in running if thread.is_alive()]


async def test_a_task_that_blocks_the_loop_is_named_with_the_place(warnings: Warnings) -> None:
    with watched_loop(late_ms=LATE_MS):
        async with asyncio.TaskGroup() as tasks:
            blocking = tasks.create_task(dawdle(warnings), name="the-slow-tool")
        assert blocking.result()
    [line] = warnings.lines
    assert "blocked for more than 20 ms by the task the-slow-tool (dawdle)" in line
    assert "test_loop_lag.py" in line
    assert "in stand_still" in line


async def test_a_callback_that_blocks_the_loop_is_named_too(warnings: Warnings) -> None:
    done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    with watched_loop(late_ms=LATE_MS):
        asyncio.get_running_loop().call_soon(lambda: done.set_result(stand_still(warnings)))
        assert await done
    assert "by a callback (test_a_callback_that_blocks_the_loop_is_named_too.<locals>.<lambda>)" in warnings.lines[0]


def stand_still_elsewhere(warnings: Warnings, *, at_most_s: float = 5) -> bool:
    warnings.came.clear()
    return warnings.came.wait(at_most_s)


async def test_each_function_is_named_once(warnings: Warnings) -> None:
    with watched_loop(late_ms=LATE_MS):
        assert stand_still(warnings)
        await asyncio.sleep(0)
        assert not stand_still(warnings, at_most_s=6 * LATE_MS / 1000)
        await asyncio.sleep(0)
        assert stand_still_elsewhere(warnings)
    assert len(warnings.lines) == 2


async def test_a_loop_that_waits_is_not_blocked(warnings: Warnings) -> None:
    with watched_loop(late_ms=LATE_MS):
        idle = asyncio.Event()
        asyncio.get_running_loop().call_later(6 * LATE_MS / 1000, idle.set)
        await idle.wait()
    assert warnings.lines == []


async def test_a_loop_has_one_watchdog_and_it_ends_with_the_last_connection() -> None:
    assert threads(ending=True) == []
    async with asyncio.timeout(5), connect(transport=memory_pair()[0], loop_lag_ms=LATE_MS):
        async with connect(transport=memory_pair()[0], loop_lag_ms=LATE_MS):
            assert len(threads()) == 1
        assert len(threads()) == 1
    assert threads(ending=True) == []


async def test_no_thread_is_started_unless_it_is_asked_for() -> None:
    assert threads(ending=True) == []
    async with asyncio.timeout(5), connect(transport=memory_pair()[0]):
        assert threads() == []


def test_a_loop_that_was_closed_is_watched_no_longer() -> None:
    async def watch() -> LoopWatchdog:
        watchdog = LoopWatchdog(late_ms=LATE_MS)
        watchdog.start()
        return watchdog

    watchdog = asyncio.run(watch())
    watchdog._thread.join(5)
    if watchdog._thread.is_alive():  # the loop was closed between its question and the answer
        watchdog.stop()
        watchdog._thread.join(5)
    assert not watchdog._thread.is_alive()
