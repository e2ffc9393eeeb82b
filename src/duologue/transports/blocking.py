"""The seam for threads: the same pipe of messages, whose verbs block; and two ends of one in memory."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, Protocol

from duologue.errors import ConnectionClosedError, ConnectionClosedOK

__all__ = ["BlockingMemoryTransport", "BlockingTransport", "blocking_memory_pair"]

_DEFAULT_CAPACITY: Final = 256
"""Messages on the way in one direction: some seconds of audio, as a socket's buffers would hold."""


class BlockingTransport(Protocol):
    """A two-way pipe of WebSocket messages: `str` is a text message, `bytes` a binary one.

    One thread may receive and one may send at the same time; two receivers, or two senders, may not. Any may close.
    """

    def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the peer is slow.

        Raises:
            ConnectionClosed: the pipe is closed, or was closed meanwhile; the message may not have arrived.
        """
        ...

    def receive(self, *, timeout_s: float | None = None) -> str | bytes:
        """The next message, in order.

        Raises:
            ConnectionClosed: no more messages; those that came before the peer's close have been returned.
            TimeoutError: nothing came in time, and nothing is lost.
        """
        ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both directions, and have whoever sends or receives learn it.

        Closing twice is fine. Returns within 5 seconds whatever the peer does.
        """
        ...


class BlockingMemoryTransport:
    """One end. A sender waits while its peer has `capacity` messages unread."""

    def __init__(self, capacity: int, changed: threading.Condition) -> None:
        self._capacity = capacity
        self._changed = changed
        self._unread: deque[str | bytes] = deque()
        self._closed: tuple[int, str] | None = None
        self._peer = self

    def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the peer is slow."""
        unread = self._peer._unread
        with self._changed:
            self._changed.wait_for(lambda: self._closed is not None or len(unread) < self._capacity)
            if self._closed is not None:
                raise _fault(*self._closed)
            unread.append(message)
            self._changed.notify_all()

    def receive(self, *, timeout_s: float | None = None) -> str | bytes:
        """The next message; what came before a close is still returned."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._unread or self._closed is not None, timeout_s):
                raise TimeoutError(f"no message came within {timeout_s:g} s")
            if not self._unread:
                assert self._closed is not None
                raise _fault(*self._closed)
            message = self._unread.popleft()
            self._changed.notify_all()
            return message

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both ends."""
        with self._changed:
            for end in (self, self._peer):
                end._closed = end._closed or (code, reason)
            self._changed.notify_all()


def blocking_memory_pair(
    capacity: int = _DEFAULT_CAPACITY,
) -> tuple[BlockingMemoryTransport, BlockingMemoryTransport]:
    """Two transports for threads; what one sends the other receives."""
    changed = threading.Condition()
    one, other = BlockingMemoryTransport(capacity, changed), BlockingMemoryTransport(capacity, changed)
    one._peer, other._peer = other, one
    return one, other


def _fault(code: int, reason: str) -> ConnectionClosedOK | ConnectionClosedError:
    return (ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError)(code, reason)
