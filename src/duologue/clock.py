"""The clock of the client and of the server: the time of the running event loop, and the date.

Whatever paces or times out something asks here, so that it follows the loop's own timers. Under a loop whose clock does
not follow the system's (`duologue.testing.virtual_time`) all of it moves together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

__all__ = ["is_virtual", "local_date", "loop_clock", "loop_time", "unix_time", "waiting_for_thread"]


def loop_time() -> float:
    """Seconds on the clock of the running loop's timers. It does not go backwards; its zero means nothing.

    uvloop's has whole milliseconds only.

    Raises:
        RuntimeError: no event loop runs in this thread.
    """
    return asyncio.get_running_loop().time()


def loop_clock() -> Callable[[], float]:
    """What `loop_time` asks, for a session that asks with every message: finding the loop is a system call.

    Raises:
        RuntimeError: no event loop runs in this thread.
    """
    return asyncio.get_running_loop().time


def unix_time() -> float:
    """Seconds since 1970-01-01, UTC: by the running loop's method of this name if it has one, else by the system."""
    by_loop: Callable[[], float] = getattr(_running_loop(), "unix_time", time.time)
    return by_loop()


def local_date() -> datetime:
    """The date of `unix_time` in this machine's time zone."""
    return datetime.fromtimestamp(unix_time()).astimezone()


def is_virtual() -> bool:
    """Whether the running loop has a date of its own."""
    return hasattr(_running_loop(), "unix_time")


def waiting_for_thread() -> AbstractContextManager[object]:
    """For a block that gives a thread work and waits for its result.

    A clock that does not follow the system's stands still meanwhile. A loop learns nothing of `asyncio.wrap_future`,
    nor of threads that call `call_soon_threadsafe`.
    """
    block: Callable[[], AbstractContextManager[object]] = getattr(
        asyncio.get_running_loop(), "waiting_for_thread", nullcontext
    )
    return block()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # what is made before a loop runs has a date too
        return None
