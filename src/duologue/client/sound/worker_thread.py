"""Runs functions that block, one after another, in a thread of their own, and hands their results to the event loop."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from duologue.clock import waiting_for_thread

__all__ = ["WorkerThread"]

_logger = logging.getLogger(__name__)

R = TypeVar("R")


class WorkerThread:
    """One thread, from the first `run` to `end`. Not one of the loop's pool: the program's end would wait for it."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    async def run(self, function: Callable[..., R], *arguments: Any) -> R:
        """Call a function behind all others; returns what it returns, or raises what it raises.

        Cancelled, it does not stop the function, and drops what it returns.
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[R] = loop.create_future()

        def deliver(value: Any, fault: BaseException | None) -> None:
            if result.done():
                return
            if fault is None:
                result.set_result(value)
            else:
                result.set_exception(fault)

        def work() -> None:
            value, fault = None, None
            try:
                value = function(*arguments)
            except BaseException as raised:
                # A future does not accept StopIteration, and SystemExit is for the main thread.
                ordinary = isinstance(raised, Exception) and not isinstance(raised, StopIteration)
                fault = raised if ordinary else RuntimeError(f"{type(raised).__name__} was raised")
            try:
                loop.call_soon_threadsafe(deliver, value, fault)
            except RuntimeError:
                _logger.debug("a function returned after the end of its loop")

        if self._thread.ident is None:
            self._thread.start()
        with waiting_for_thread():
            self._work.put(work)
            return await result

    def end(self) -> None:
        """Run nothing more. A function that runs goes on."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
