"""Two ends joined in memory, for tests and for a client and a server in one process."""

from __future__ import annotations

import asyncio
from collections import deque

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

__all__ = ["MemoryTransport", "memory_pair"]

_DEFAULT_CAPACITY = 256
"""Messages on the way in one direction: some seconds of audio, as a socket's buffers would hold."""


class MemoryTransport:
    """One end. A sender waits while its peer has `capacity` messages unread."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._unread: deque[str | bytes] = deque()
        self._changed = asyncio.Condition()
        self._closed: tuple[int, str] | None = None
        self._peer = self

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the peer is slow."""
        peer = self._peer
        async with peer._changed:
            await peer._changed.wait_for(lambda: self._closed is not None or len(peer._unread) < peer._capacity)
            if self._closed is not None:
                raise self._fault(self._closed)
            peer._unread.append(message)
            peer._changed.notify_all()

    async def receive(self) -> str | bytes:
        """The next message; what came before a close is still returned."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._unread or self._closed is not None)
            if not self._unread:
                assert self._closed is not None
                raise self._fault(self._closed)
            message = self._unread.popleft()
            self._changed.notify_all()
            return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both ends."""
        for end in (self, self._peer):
            async with end._changed:
                if end._closed is None:
                    end._closed = (code, reason)
                end._changed.notify_all()

    @staticmethod
    def _fault(closed: tuple[int, str]) -> ConnectionClosed:
        kind = ConnectionClosedOK if closed[0] in (1000, 1001) else ConnectionClosedError
        return kind(*closed)


def memory_pair(capacity: int = _DEFAULT_CAPACITY) -> tuple[MemoryTransport, MemoryTransport]:
    """Two transports; what one sends the other receives."""
    one, other = MemoryTransport(capacity), MemoryTransport(capacity)
    one._peer, other._peer = other, one
    return one, other
