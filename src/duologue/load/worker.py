"""A process of its own for a share of a level.

The order comes on the first line of standard input. "up" goes out when the calls are up, the next line of input opens
the window, and the result is the last line of output. When standard input ends, so does the process.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import suppress

import msgspec

from duologue.errors import DuologueError
from duologue.load.work import WorkOrder, WorkResult, work_off

__all__ = ["FAILED", "UP", "main"]

UP = "up"
FAILED = "failed: "


async def _work(order: WorkOrder) -> WorkResult | None:
    async def all_up() -> None:
        _say(UP)
        await lines.get()

    lines: asyncio.Queue[str] = asyncio.Queue()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        with suppress(RuntimeError):  # the loop is closed, and the result is out
            loop.call_soon_threadsafe(ended.set)

    # Not of the loop's executor, whose end waits for its threads: this one may wait for ever.
    threading.Thread(target=read, daemon=True).start()
    working = asyncio.ensure_future(work_off(order, all_up))  # noqa: TID251 - ended and awaited below
    waiting = asyncio.ensure_future(ended.wait())  # noqa: TID251 - likewise
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None  # the one who wanted the result is gone
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Work off one order."""
    order = msgspec.json.decode(sys.stdin.readline(), type=WorkOrder)
    try:
        result = asyncio.run(_work(order))
    except (DuologueError, OSError) as fault:
        _say(f"{FAILED}{' '.join(str(fault).split())}")
        return
    if result is not None:
        _say(msgspec.json.encode(result).decode())
