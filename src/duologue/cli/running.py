"""Runs coroutines so that every way out lets them clean up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

__all__ = ["LoopFactory", "background", "run_to_end"]

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

_SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]


def run_to_end(work: Coroutine[Any, Any, int], *, loop_factory: LoopFactory | None = None) -> int:
    """Run; returns what it returns, or 128 and the number of the signal that ended it: 130 for Ctrl-C.

    `loop_factory` makes the event loop, by default asyncio's own.
    """
    ended_by: list[int] = []

    async def run() -> int:
        task = asyncio.current_task()
        assert task is not None

        def end(number: int) -> None:
            ended_by.append(number)
            task.cancel()

        for number in _SIGNALS:
            if signal.getsignal(number) is signal.SIG_IGN:
                continue  # as nohup wants it
            with suppress(NotImplementedError):  # where loops know no signals, Ctrl-C raises KeyboardInterrupt
                asyncio.get_running_loop().add_signal_handler(number, end, number)
        return await work

    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(run())
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except asyncio.CancelledError:
        if not ended_by:
            raise
        return 128 + ended_by[0]


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
