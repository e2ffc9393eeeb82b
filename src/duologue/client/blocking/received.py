"""Events on their way from a connection's event loop to the thread that receives them, without a hop for each."""

from __future__ import annotations

import asyncio
import queue
from typing import Any, Final

from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.limits import MAX_QUEUED_EVENTS
from duologue.errors import ConnectionClosed, ConnectionClosedOK
from duologue.events import RealtimeEvent

__all__ = ["Received"]

_FEW: Final = MAX_QUEUED_EVENTS // 2
"""When so many are left, the loop is told to go on: once for each half of the queue."""


class Received:
    """A queue that the loop fills, up to a limit, and one thread empties. What ends it stays in it."""

    def __init__(self) -> None:
        self._unread: queue.SimpleQueue[RealtimeEvent | ConnectionClosed] = queue.SimpleQueue()
        self._go_on = asyncio.Event()
        self._is_full = False

    async def put(self, event: RealtimeEvent | ConnectionClosed) -> None:
        """Add an event, on the loop; waits while the thread is far behind, and so stops the socket from being read."""
        while self._unread.qsize() >= MAX_QUEUED_EVENTS:
            self._go_on.clear()
            self._is_full = True
            if self._unread.qsize() >= MAX_QUEUED_EVENTS:  # still: from here on the thread sees that it is
                await self._go_on.wait()
            self._is_full = False
        self._unread.put(event)

    def end(self) -> None:
        """No more events will come: for a thread that waits, where the connection has not said so."""
        self._unread.put(ConnectionClosedOK(1000))

    def get(self, timeout: float | None, loop: LoopThread[Any]) -> RealtimeEvent | ConnectionClosed:
        """The next event, or the end, in the thread. Raises TimeoutError."""
        if self._is_full and self._unread.qsize() <= _FEW:
            # Before each wait, and not behind it, where an interrupt might come first.
            loop.post(self._go_on.set)
        try:
            event = self._unread.get(timeout=None if timeout is None else max(0.0, timeout))
        except queue.Empty:
            raise TimeoutError(f"no event came within {timeout:g} s") from None
        if isinstance(event, ConnectionClosed):
            self._unread.put(event)  # for the next call, which must learn it too
        return event
