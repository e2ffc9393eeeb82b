"""Runs a Live session on an event loop of its own for the length of a `with` block."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Protocol, TypeVar

from duologue.client.blocking.loop_thread import LoopThread

__all__ = ["live_block"]

L = TypeVar("L")
"""The session on its event loop."""


class _Closable(Protocol):
    """The same session for threads."""

    def close(self, *, at_once: bool = False) -> object:
        """End it."""
        ...


B = TypeVar("B", bound=_Closable)


@contextmanager
def live_block(
    make: Callable[[], AbstractAsyncContextManager[L]], facade: Callable[[L, LoopThread[L]], B]
) -> Generator[B, None, None]:
    """The session that `make` enters on the loop; `facade` makes of it what threads use. Leaves no thread behind."""

    @asynccontextmanager
    async def entered() -> AsyncGenerator[B, None]:
        async with make() as live:
            yield facade(live, loop)  # on the loop: work that is handed over at once gets it too

    loop: LoopThread[Any] = LoopThread(entered)
    try:
        session = loop.open()
        try:
            yield session
            session.close()
        finally:
            session.close(at_once=True)
    finally:
        try:
            loop.close(at_once=True)
        finally:
            # Again: Ctrl-C may have interrupted the first call before it began.
            loop.close(at_once=True)
