"""The clock of the client and of the server: the time of the running event loop, and the date.

Whatever paces or times out something asks here, so that it follows the loop's own timers. Under a loop whose clock does
not follow the system's (`duologue.testing.virtual_time`) all of it moves together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

__all__ = ["local_date", "loop_time", "unix_time"]


def loop_time() -> float:
    """Seconds on the clock of the running loop's timers. It does not go backwards; its zero means nothing.

    uvloop's has whole milliseconds only.

    Raises:
        RuntimeError: no event loop runs in this thread.
    """
    return asyncio.get_running_loop().time()


def unix_time() -> float:
    """Seconds since 1970-01-01, UTC: by the running loop's method of this name if it has one, else by the system."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # what is made before a loop runs has a date too
        return time.time()
    by_loop: Callable[[], float] = getattr(loop, "unix_time", time.time)
    return by_loop()


def local_date() -> datetime:
    """The date of `unix_time` in this machine's time zone."""
    return datetime.fromtimestamp(unix_time()).astimezone()
