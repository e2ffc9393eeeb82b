"""Runs coroutines so that every way out lets them clean up."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any, Final

__all__ = ["LoopFactory", "background", "run_to_end"]

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

_SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]

_LAST_S: Final = 8.0
"""How long an end at once may take: the server gives its connections 3 s and its engines 5."""


def run_to_end(work: Coroutine[Any, Any, int], *, loop_factory: LoopFactory | None = None) -> int:
    """Run; returns what it returns, or 128 and the number of the signal that ended it: 130 for Ctrl-C.

    The first signal cancels, so does a second one, and then the process has 8 s to end. If the event loop has not even
    taken notice of the first by then, because something blocks it, the second one ends the process there and then, and
    so does a third one. `loop_factory` makes the event loop, by default asyncio's own.
    """
    ending = _Ending()
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(ending.run(work))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except asyncio.CancelledError:
        if ending.ended_by is None:
            raise
        return 128 + ending.ended_by
    finally:
        ending.restore()


class _Ending:
    """Handles signals while a coroutine runs.

    By Python's own handlers, which run in the middle of whatever the main thread does: those of an event loop are
    called by the loop, and so never while it is blocked.
    """

    def __init__(self) -> None:
        self.ended_by: int | None = None
        """The first signal."""
        self._noticed = False
        """Whether the event loop has come to deal with the first one."""
        self._handlers: dict[int, Any] = {}

    async def run(self, work: Coroutine[Any, Any, int]) -> int:
        """Run until it ends or a signal cancels it."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None

        def cancel() -> None:
            self._noticed = True
            task.cancel()

        def end(number: int, frame: FrameType | None) -> None:
            if self.ended_by is None:
                self.ended_by = number
            elif self._noticed:
                self._end_soon(number)
            else:
                self._end_now(number)
            with suppress(RuntimeError):  # the loop has just been closed: it is the end
                loop.call_soon_threadsafe(cancel)

        for each in _SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:  # as nohup wants it
                self._handlers[each] = signal.signal(each, end)
        return await work

    def _end_soon(self, number: int) -> None:
        for each in self._handlers:
            signal.signal(each, signal.SIG_DFL)
        if hasattr(signal, "setitimer"):

            def end_now(alarm: int, frame: FrameType | None) -> None:
                self._end_now(number)

            self._handlers[signal.SIGALRM] = signal.signal(signal.SIGALRM, end_now)
            signal.setitimer(signal.ITIMER_REAL, _LAST_S)

    def _end_now(self, number: int) -> None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def restore(self) -> None:
        """Put the former handlers back."""
        if hasattr(signal, "setitimer") and signal.SIGALRM in self._handlers:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._handlers.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None, None]:
    """Runs work beside a block and ends it with the block. What fails first ends both and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            try:
                yield
            finally:
                task.cancel()
    except* Exception as faults:
        first = faults.exceptions[0]
        raise first from first.__cause__
