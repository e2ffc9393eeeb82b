"""Events from a connection's event loop to the thread that receives them, without a call to the loop for each."""

from __future__ import annotations

import asyncio
import queue
from typing import Any, Final

from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.limits import MAX_QUEUED_EVENTS
from duologue.errors import ConnectionClosed, ConnectionClosedOK
from duologue.events import ReceivedEvent

__all__ = ["Received"]

_RESUME_AT: Final = MAX_QUEUED_EVENTS // 2
"""How many events are left when the loop resumes: so it is called once for each half of the queue."""


class Received:
    """A queue that the loop fills, up to a limit, and one thread empties. The end stays in it."""

    def __init__(self) -> None:
        self._unread: queue.SimpleQueue[ReceivedEvent | ConnectionClosed] = queue.SimpleQueue()
        self._resumed = asyncio.Event()
        self._is_full = False

    async def put(self, event: ReceivedEvent | ConnectionClosed) -> None:
        """Add an event, on the loop; waits while the thread is far behind, so that the socket is not read."""
        while self._unread.qsize() >= MAX_QUEUED_EVENTS:
            self._resumed.clear()
            self._is_full = True
            if self._unread.qsize() >= MAX_QUEUED_EVENTS:  # checked again: from here on the thread sees `_is_full`
                await self._resumed.wait()
            self._is_full = False
        self._unread.put(event)

    def end(self) -> None:
        """End the queue, for a thread that waits, in case the connection has not delivered its end."""
        self._unread.put(ConnectionClosedOK(1000))

    def get(self, timeout: float | None, loop: LoopThread[Any]) -> ReceivedEvent | ConnectionClosed:
        """The next event, or the end, in the thread. Raises TimeoutError."""
        if self._is_full and self._unread.qsize() <= _RESUME_AT:
            # Before each wait: after it, an interrupt could prevent this.
            loop.post(self._resumed.set)
        try:
            event = self._unread.get(timeout=None if timeout is None else max(0.0, timeout))
        except queue.Empty:
            raise TimeoutError(f"no event came within {timeout:g} s") from None
        if isinstance(event, ConnectionClosed):
            self._unread.put(event)  # for the next call, which must get it too
        return event
