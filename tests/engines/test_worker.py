"""The worker computes in threads, bounds what waits, and stops what is no longer wanted."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from duologue.engines import worker as module
from duologue.engines.worker import Worker
from duologue.errors import EngineError


async def test_a_result_comes_from_another_thread() -> None:
    async with Worker(threads=1) as worker:
        assert await worker.run(threading.get_ident) != threading.get_ident()
        assert await worker.run(divmod, 7, 2) == (3, 1)


async def test_a_fault_passes_through() -> None:
    async with Worker(threads=1) as worker:
        with pytest.raises(ZeroDivisionError):
            await worker.run(divmod, 1, 0)


async def test_more_waiting_jobs_than_the_limit_are_refused() -> None:
    gate = threading.Event()
    async with Worker(threads=1, max_waiting=1) as worker, asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(worker.run(gate.wait))
        await asyncio.sleep(0)
        with pytest.raises(EngineError, match="worker: overloaded: 2 jobs on 1 threads"):
            await worker.run(int)
        gate.set()
    assert gate.is_set()


async def test_a_cancelled_job_that_waits_never_starts() -> None:
    gate, started = threading.Event(), threading.Event()
    async with Worker(threads=1) as worker, asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(gate.wait))
        waiting = tasks.create_task(worker.run(started.set))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        gate.set()
        await worker.run(int)
    assert not started.is_set()


async def test_a_generator_is_advanced_one_piece_at_a_time() -> None:
    made: list[int] = []

    def count(limit: int) -> Generator[int, None, None]:
        for number in range(limit):
            made.append(number)
            yield number

    async with Worker(threads=1) as worker:
        seen: list[int] = []
        async for number in worker.stream(count, 3):
            assert made == [*seen, number]
            seen.append(number)
        assert seen == [0, 1, 2]


async def test_a_fault_in_a_generator_passes_through() -> None:
    def fail() -> Generator[int, None, None]:
        yield 1
        raise KeyError("two")

    async with Worker(threads=1) as worker:
        stream = worker.stream(fail)
        assert await anext(stream) == 1
        with pytest.raises(KeyError):
            await anext(stream)


async def test_closing_drops_what_waits_and_refuses_what_comes() -> None:
    gate, started = threading.Event(), threading.Event()
    worker = Worker(threads=1)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run(gate.wait))
        waiting = tasks.create_task(worker.run(started.set))
        await asyncio.sleep(0)
        gate.set()
        await worker.close()
        await asyncio.wait([running, waiting])
        assert running.result() is True
        assert waiting.cancelled() or started.is_set()
        await worker.close()
        with pytest.raises(EngineError, match="worker: is closed"):
            await worker.run(int)


async def test_closing_waits_boundedly_for_a_job_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CLOSE_S", 0.01)
    gate = threading.Event()
    worker = Worker(threads=1)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run(gate.wait))
        await asyncio.sleep(0)
        await worker.close()
        assert not gate.is_set()
        gate.set()
        await asyncio.wait([running])
