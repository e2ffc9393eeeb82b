"""Messages of a data channel that came and are not read yet, and how the call ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

__all__ = ["Inbox"]

_MAX_UNREAD_BYTES: Final = 8 << 20
"""A data channel has no way to make the sender wait. A session reads at once; what it has not read of 30 of the longest
messages that browsers send, it will not."""

_OVERHEAD_BYTES: Final = 64
"""Of a message in memory: a flood of empty ones is a flood too."""

_POLICY_VIOLATION: Final = 1008
"""RFC 6455, section 7.4.1."""


class Inbox:
    """Holds messages until they are taken, and then says how the call ended. For one event loop.

    `on_end` is called once, at the end, whatever brought it about.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._unread: deque[str | bytes] = deque()
        self._unread_bytes = 0
        self._end: tuple[int, str] | None = None
        self._news = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether the call is over; unread messages may be left."""
        return self._end is not None

    def put(self, message: str | bytes) -> None:
        """Keep a message that came; one that comes behind the end is dropped."""
        if self._end is not None:
            return
        self._unread_bytes += len(message) + _OVERHEAD_BYTES
        if self._unread_bytes > _MAX_UNREAD_BYTES:
            self.end(_POLICY_VIOLATION, "messages come faster than they are read")
            return
        self._unread.append(message)
        self._news.set()

    def end(self, code: int, reason: str = "") -> None:
        """The call is over; the first of several ends counts."""
        if self._end is None:
            self._end = (code, reason)
            self._news.set()
            self._on_end()

    def check(self) -> None:
        """Raises ConnectionClosed if the call is over."""
        if self._end is not None:
            code, reason = self._end
            kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
            raise kind(code, reason)

    async def take(self) -> str | bytes:
        """The next message. Cancelling loses nothing.

        Raises:
            ConnectionClosed: the call is over, and all messages have been taken.
        """
        while not self._unread:
            self.check()
            self._news.clear()
            await self._news.wait()
        message = self._unread.popleft()
        self._unread_bytes -= len(message) + _OVERHEAD_BYTES
        return message

    def closed(self) -> ConnectionClosed | None:
        """How the call ended."""
        try:
            self.check()
        except ConnectionClosed as fault:
            return fault
        return None
