"""An event loop whose clock the program moves: what it waits for comes at once, and takes the time that it takes.

When nothing is ready, the loop's time jumps to the next timer. For programs in memory: a socket or a thread that the
loop waits for needs real time, and gets none.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

__all__ = ["VirtualTimeLoop", "in_virtual_time"]

_LONGEST_S = 600.0
"""Of virtual time: a test that waits for ever fails."""


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float], None] = lambda seconds: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the program waits for something that never comes")
        if not ready and timeout:
            self.jump(timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its time begins at 1000."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        selector.jump = self._jump
        self._now_s = 1000.0
        super().__init__(selector)

    def time(self) -> float:
        """The virtual time."""
        return self._now_s

    def _jump(self, seconds: float) -> None:
        self._now_s += seconds


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test on an event loop of its own, whose time is virtual."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(_LONGEST_S):
                await test(*arguments, **named)

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(bounded())

    return run
