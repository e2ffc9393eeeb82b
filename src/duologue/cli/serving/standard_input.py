"""A server that ends with its standard input, so with the process at the other end of that pipe."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

__all__ = ["until_eof"]


async def until_eof(work: Coroutine[Any, Any, int]) -> int:
    """Do the work until standard input ends, which cancels it. Returns its result, 0 if it was cancelled so."""
    serving = asyncio.current_task()
    assert serving is not None
    ended = threading.Event()
    _at_eof(asyncio.get_running_loop(), serving, ended)
    try:
        return await work
    except asyncio.CancelledError:
        if not ended.is_set():
            raise
    return 0


def _at_eof(loop: asyncio.AbstractEventLoop, serving: asyncio.Task[Any], ended: threading.Event) -> None:
    """Cancel the server when standard input ends. In a thread: not every loop can wait for a pipe."""

    def wait() -> None:
        # Not through sys.stdin: its lock would still be held when the interpreter ends.
        while os.read(0, 4096):
            pass
        ended.set()
        with suppress(RuntimeError):  # the work has ended before, and its loop is closed
            loop.call_soon_threadsafe(serving.cancel)

    threading.Thread(target=wait, name="standard-input", daemon=True).start()
