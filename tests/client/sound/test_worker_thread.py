"""Functions that block, in a thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from duologue.client.sound.worker_thread import WorkerThread


async def test_functions_run_in_order_in_one_thread_that_ends() -> None:
    worker, called = WorkerThread("test-worker"), list[int]()
    async with asyncio.timeout(5):
        await asyncio.gather(*(worker.run(called.append, n) for n in range(20)))
        assert await worker.run(lambda: threading.current_thread().name) == "test-worker"
        worker.end()
        await asyncio.to_thread(worker._thread.join, 5)
    assert called == list(range(20))
    assert not worker._thread.is_alive()


async def test_what_a_function_raises_is_raised_here_and_an_exit_is_not_one() -> None:
    worker = WorkerThread("test-worker")
    async with asyncio.timeout(5):
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        for fault in (StopIteration, SystemExit):
            with pytest.raises(RuntimeError, match=f"{fault.__name__} was raised"):
                await worker.run(_raise, fault)
    worker.end()


async def test_a_cancelled_wait_drops_what_the_function_returns() -> None:
    worker, release = WorkerThread("test-worker"), threading.Event()
    waiting = asyncio.ensure_future(worker.run(release.wait, 5))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    release.set()
    async with asyncio.timeout(5):
        assert await worker.run(lambda: 7) == 7
    worker.end()


def test_a_function_may_return_after_the_end_of_its_loop() -> None:
    worker, release = WorkerThread("test-worker"), threading.Event()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.run(release.wait, 5), 0.01)

    asyncio.run(leave())
    release.set()
    worker.end()
    worker._thread.join(5)
    assert not worker._thread.is_alive()


def _raise(fault: type[BaseException]) -> None:
    raise fault
