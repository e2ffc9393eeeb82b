"""An event loop whose time jumps to the next timer when there is nothing to do: an hour of a session takes seconds."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

__all__ = ["compressed"]


class _JumpingLoop(asyncio.SelectorEventLoop):
    """For work without threads, subprocesses and sockets: its time does not wait for them."""

    _now = 1000.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        scheduled: list[Any] = self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
            heapq.heappop(scheduled)._scheduled = False
        if scheduled and not self._ready:  # type: ignore[attr-defined]
            self._now = max(self._now, scheduled[0]._when)
        super()._run_once()  # type: ignore[misc]


def compressed(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs a test on such a loop."""

    @wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        async def main() -> None:
            await test(*args, **fixtures)

        with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
            runner.run(main())

    return run
