"""The seam for threads: the same pipe of messages, whose verbs block; and two ends of one in memory."""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.transports.monitor import Monitor

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

    def __init__(self, capacity: int, shared: Monitor) -> None:
        self._capacity = capacity
        self._shared = shared
        self._unread: deque[str | bytes] = deque()
        self._closed: tuple[int, str] | None = None
        self._peer = self

    def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the peer is slow."""
        self._shared.when(lambda: self._hand_over(message))

    def receive(self, *, timeout_s: float | None = None) -> str | bytes:
        """The next message; what came before a close is still returned."""
        taken: list[str | bytes] = []
        if not self._shared.when(lambda: self._take_into(taken), timeout_s):
            raise TimeoutError(f"no message came within {timeout_s:g} s")
        return taken[0]

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both ends."""
        with self._shared.lock:
            for end in (self, self._peer):
                end._closed = end._closed or (code, reason)
            self._shared.changed()

    # --- with the lock

    def _hand_over(self, message: str | bytes) -> bool:
        if self._closed is not None:
            raise _fault(*self._closed)
        if len(self._peer._unread) >= self._capacity:
            return False
        self._peer._unread.append(message)
        self._shared.changed()
        return True

    def _take_into(self, taken: list[str | bytes]) -> bool:
        if self._unread:
            taken.append(self._unread.popleft())
            self._shared.changed()
        elif self._closed is not None:
            raise _fault(*self._closed)
        return bool(taken)


def blocking_memory_pair(
    capacity: int = _DEFAULT_CAPACITY,
) -> tuple[BlockingMemoryTransport, BlockingMemoryTransport]:
    """Two transports for threads; what one sends the other receives."""
    shared = Monitor()
    one, other = BlockingMemoryTransport(capacity, shared), BlockingMemoryTransport(capacity, shared)
    one._peer, other._peer = other, one
    return one, other


def _fault(code: int, reason: str) -> ConnectionClosedOK | ConnectionClosedError:
    return (ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError)(code, reason)
