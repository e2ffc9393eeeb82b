"""Runs coroutines so that signals and failures let them clean up."""

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

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_LAST_S: Final = 8.0
"""Time to end after the second signal: the server gives its connections 3 s and its engines 5 s."""


def run_to_end(
    work: Coroutine[Any, Any, int], *, loop_factory: LoopFactory | None = None, terminated: int | None = None
) -> int:
    """Run a coroutine. Returns its result, or 128 plus the number of the signal that ended it: 130 for Ctrl-C.

    `terminated` is what it returns instead of 143 after a single SIGTERM: 0 for a service, for which that is the
    regular end; its supervisor would count 143 as a failure.

    The first signal cancels it, so does the second one, and then the process has 8 s to end. If the event loop is
    blocked and has not yet handled the first signal, the second one kills the process; so does a third one.
    `loop_factory` makes the event loop, by default asyncio's own.
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
        if terminated is not None and ending.signals == [signal.SIGTERM]:
            return terminated
        return 128 + ending.ended_by
    finally:
        ending.restore()


class _Ending:
    """Handles signals while a coroutine runs.

    With Python's own handlers, which interrupt the main thread: the loop calls its own handlers, and so never while it
    is blocked.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []
        """Those that have come."""
        self._noticed = False
        """Whether the event loop has handled the first one."""
        self._handlers: dict[int, Any] = {}

    @property
    def ended_by(self) -> int | None:
        """The first signal."""
        return self.signals[0] if self.signals else None

    async def run(self, work: Coroutine[Any, Any, int]) -> int:
        """Run until it ends or a signal cancels it."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None

        def cancel() -> None:
            self._noticed = True
            task.cancel()

        def end(number: int, frame: FrameType | None) -> None:
            self.signals.append(number)
            if len(self.signals) == 1:
                pass
            elif self._noticed:
                self._end_soon(number)
            else:
                self._end_now(number)
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(cancel)

        for each in _SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:  # nohup ignores SIGHUP
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
    """Runs work concurrently with a block and cancels it at the end. The first failure ends both and is raised."""
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
