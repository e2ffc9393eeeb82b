"""A process of its own for a share of a level: `python -m duologue.load.worker`.

The order comes on the first line of standard input. "up" goes out when the calls are up, the next line of input opens
the window, and the result is the last line of output. When standard input ends, so does the process.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec

from duologue.errors import DuologueError
from duologue.load.work import WorkOrder, WorkResult, work_off

__all__ = ["FAILED", "UP", "main"]

UP = "up"
FAILED = "failed: "


async def _work(order: WorkOrder) -> WorkResult | None:
    async def all_up() -> None:
        _say(UP)
        await go.wait()

    go = asyncio.Event()
    working = asyncio.ensure_future(work_off(order, all_up))  # noqa: TID251 - ended and awaited below
    try:
        while True:
            reading = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))  # noqa: TID251
            await asyncio.wait({working, reading}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            if not reading.result():
                return None  # whoever wanted the result is gone
            go.set()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


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


if __name__ == "__main__":
    main()
