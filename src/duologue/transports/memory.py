"""A pair of connected transports in memory, for tests and for a client and a server in one process."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

__all__ = ["DEFAULT_CAPACITY", "MemoryTransport", "SharedState", "memory_pair"]

DEFAULT_CAPACITY = 256
"""Messages under way in one direction: some seconds of audio, as a socket's buffers would hold."""


class SharedState:
    """A lock, and the callbacks of those that wait for a change of what it guards.

    The lock is held for short sections only, entered by `with`, that wait for nothing. So it works on any thread, and
    KeyboardInterrupt cannot leave it locked, as it could a `threading.Condition`.
    """

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self._wakers: list[Callable[[], object]] = []

    @property
    def n_waiting(self) -> int:
        """How many wait for a change."""
        return len(self._wakers)

    def changed(self) -> None:
        """Wake all that wait. Call with the lock held."""
        wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    def attempt(self, act: Callable[[], bool], wake: Callable[[], object]) -> bool:
        """Try `act`; if it returns False, `wake` is called at the next change, on the thread that makes it."""
        with self.lock:
            if act():
                return True
            self._wakers.append(wake)
            return False

    def forget(self, wake: Callable[[], object]) -> None:
        """Do not call `wake` any more."""
        with self.lock:
            self._wakers = [one for one in self._wakers if one is not wake]


class MemoryTransport:
    """One end. A sender waits while its peer has `capacity` unread messages. The ends may be on two event loops."""

    def __init__(self, capacity: int) -> None:
        self.shared: SharedState = SharedState()
        self._capacity = capacity
        self._unread: deque[str | bytes] = deque()
        self._closed: tuple[int, str] | None = None
        self._peer: MemoryTransport | None = None
        """None before the two ends are connected, and after they are closed: they would keep each other in memory."""

    def join(self, peer: MemoryTransport) -> None:
        """Connect two ends. Before either is used."""
        self._peer, peer._peer = peer, self
        peer.shared = self.shared

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the peer is slow."""
        await self._when(lambda: self.hand_over(message))

    async def receive(self) -> str | bytes:
        """The next message; what came before a close is still returned."""
        taken: list[str | bytes] = []
        await self._when(lambda: self.take_into(taken))
        return taken[0]

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both ends."""
        self.close_both(code, reason)

    async def _when(self, act: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            woken: asyncio.Future[None] = loop.create_future()
            wake = partial(_wake, loop, woken)
            if self.shared.attempt(act, wake):
                return
            try:
                await woken
            finally:
                self.shared.forget(wake)

    # --- for async and blocking ends; call the first two with the lock held

    def hand_over(self, message: str | bytes) -> bool:
        """Give the peer a message, if it has room. Raises ConnectionClosed."""
        if self._closed is not None:
            raise _fault(*self._closed)
        assert self._peer is not None, "`join` comes first"
        if len(self._peer._unread) >= self._capacity:
            return False
        self._peer._unread.append(message)
        self.shared.changed()
        return True

    def take_into(self, taken: list[str | bytes]) -> bool:
        """Take the next message, if there is one. Raises ConnectionClosed."""
        if self._unread:
            taken.append(self._unread.popleft())
            self.shared.changed()
        elif self._closed is not None:
            raise _fault(*self._closed)
        return bool(taken)

    def close_both(self, code: int, reason: str) -> None:
        """Close both ends; the first close counts."""
        with self.shared.lock:
            for end in (self, self._peer):
                if end is not None:
                    end._closed, end._peer = end._closed or (code, reason), None
            self.shared.changed()


def memory_pair(capacity: int = DEFAULT_CAPACITY) -> tuple[MemoryTransport, MemoryTransport]:
    """Two transports; what one sends the other receives."""
    one, other = MemoryTransport(capacity), MemoryTransport(capacity)
    one.join(other)
    return one, other


def _wake(loop: asyncio.AbstractEventLoop, woken: asyncio.Future[None]) -> None:
    with suppress(RuntimeError):  # the loop that waited is closed
        loop.call_soon_threadsafe(_resolve, woken)


def _resolve(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _fault(code: int, reason: str) -> ConnectionClosed:
    return (ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError)(code, reason)
