"""Threads for computation, so that the event loop never blocks on it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar, TypeVarTuple

from duologue.clock import waiting_for_thread
from duologue.errors import EngineError

__all__ = ["Worker"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# A turn costs about 0.1 s of a core. More jobs than this would have the last caller wait for many seconds, and a
# reply that late is worse than an error at once.
_MAX_WAITING = 256

# The longest single piece of work is a 20 s utterance on a slow core.
_CLOSE_S = 5.0


class Worker:
    """A bounded pool of threads with a bounded queue in front of it. Belongs to one event loop.

    Engines may share one: numpy and onnxruntime let go of the interpreter while they compute.
    """

    def __init__(self, *, threads: int | None = None, max_waiting: int = _MAX_WAITING, name: str = "engine") -> None:
        """`threads`: as many as there are cores when None, for more would only take turns on them."""
        self._threads = threads or os.cpu_count() or 1
        self._max_jobs = self._threads + max_waiting
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=f"duologue-{name}")
        self._jobs: set[Future[Any]] = set()
        self._closed = False

    async def run(self, compute: Callable[[*Ts], T], *args: *Ts) -> T:
        """The result of `compute(*args)`, computed in a thread.

        Cancelled: a job that waits never starts, the result of one that runs is dropped.

        Raises:
            EngineError: the queue is full or the worker is closed. What `compute` raises passes through.
        """
        with waiting_for_thread():
            return await asyncio.wrap_future(self._submit(compute, *args))

    async def stream(self, generate: Callable[[*Ts], Generator[T, None, None]], *args: *Ts) -> AsyncGenerator[T, None]:
        """The pieces of a synchronous generator, each computed in a thread when it is asked for.

        Closed or cancelled: the generator is closed too; if a piece is being computed, after that, in its thread.
        Raises as `run` does.
        """
        steps = generate(*args)
        step: Future[tuple[T] | None] | None = None
        try:
            while True:
                with waiting_for_thread():
                    step = self._submit(_advance, steps)
                    piece = await asyncio.wrap_future(step)
                if piece is None:
                    return
                yield piece[0]
        finally:
            if step is None or step.done():
                steps.close()
            else:
                step.add_done_callback(lambda _: steps.close())

    def _submit(self, compute: Callable[[*Ts], T], *args: *Ts) -> Future[T]:
        if self._closed:
            raise EngineError("is closed", engine="worker")
        if len(self._jobs) >= self._max_jobs:
            raise EngineError(f"overloaded: {len(self._jobs)} jobs on {self._threads} threads", engine="worker")
        job = self._pool.submit(compute, *args)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job

    async def close(self) -> None:
        """Drop waiting jobs; wait 5 seconds at most for running ones. Closing twice is fine."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        running = [asyncio.wrap_future(job) for job in tuple(self._jobs)]
        with suppress(TimeoutError), waiting_for_thread():
            async with asyncio.timeout(_CLOSE_S):
                await asyncio.gather(*running, return_exceptions=True)

    async def __aenter__(self) -> Worker:
        return self

    async def __aexit__(self, *fault: object) -> None:
        await self.close()


def _advance(steps: Generator[T, None, None]) -> tuple[T] | None:
    """The next piece in a tuple; None at the end."""
    for piece in steps:
        return (piece,)
    return None
