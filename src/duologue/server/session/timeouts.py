"""Timeouts of engine calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["EngineTimeout", "ReusableTimeout"]

T = TypeVar("T")


class EngineTimeout(Exception):
    """A wait has taken too long."""


class ReusableTimeout:
    """A timeout of `limit_s` for many waits, one at a time.

    A wait costs less than a microsecond, because all of them share one timer; `asyncio.timeout` makes a timer for each.
    Every session waits for its detector fifty times a second.
    """

    __slots__ = ("_ended", "_limit_s", "_loop", "_since", "_task", "_timer")

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._task: asyncio.Task[object] | None = None
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def wait_for(self, work: Awaitable[T]) -> T:
        """The result of the work. Cancelling cancels it.

        Raises:
            EngineTimeout: the work took too long, and has been cancelled.
        """
        # Cached: `get_running_loop` makes a system call each time.
        loop = self._loop = self._loop or asyncio.get_running_loop()
        # Not in a variable: it would close a cycle from the exception to this frame, the task and the exception.
        self._task = asyncio.current_task(loop)
        assert self._task is not None
        cancelling = self._task.cancelling()
        self._since, self._ended = loop.time(), False
        if self._timer is None:
            self._timer = loop.call_later(self._limit_s, self._look, loop)
        try:
            return await work
        except asyncio.CancelledError as fault:
            # As in `asyncio.timeout`: a cancellation from outside at the same time has precedence.
            if self._ended and self._task.uncancel() <= cancelling:
                raise EngineTimeout from fault
            raise
        finally:
            self._task = None

    def close(self) -> None:
        """Stop the timer; there are no more waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._task is None:
            return
        left_s = self._since + self._limit_s - loop.time()
        if left_s > 0:
            self._timer = loop.call_later(left_s, self._look, loop)
        else:
            self._ended = True
            self._task.cancel()
