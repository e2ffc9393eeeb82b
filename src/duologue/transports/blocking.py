"""An end of a pair in memory for threads: with it a test without an event loop plays a blocking client's server."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from functools import partial

from duologue.transports.memory import DEFAULT_CAPACITY, MemoryTransport, memory_pair

__all__ = ["BlockingMemoryTransport", "blocking_memory_pair"]


class BlockingMemoryTransport:
    """The peer of a `MemoryTransport`, with methods that block, for any thread. It outlives the client."""

    def __init__(self, end: MemoryTransport) -> None:
        self._end = end

    def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the peer is slow.

        Raises:
            ConnectionClosed: the pair is closed; the message was not sent.
        """
        self._when(lambda: self._end.hand_over(message), None)

    def receive(self, *, timeout: float | None = None) -> str | bytes:
        """The next message, in order; what came before a close is still returned.

        Raises:
            ConnectionClosed: no more messages.
            TimeoutError: no message came within `timeout` seconds; none is lost.
        """
        taken: list[str | bytes] = []
        if not self._when(lambda: self._end.take_into(taken), timeout):
            raise TimeoutError(f"no message came within {timeout:g} s")
        return taken[0]

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both ends. Closing twice is fine."""
        self._end.close_both(code, reason)

    def _when(self, act: Callable[[], bool], timeout: float | None) -> bool:
        ends_at = None if timeout is None else time.monotonic() + timeout
        woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        wake = partial(woken.put, None)
        while not self._end.shared.attempt(act, wake):
            try:
                woken.get(timeout=None if ends_at is None else max(0.0, ends_at - time.monotonic()))
            except queue.Empty:
                return False
            finally:
                self._end.shared.forget(wake)
        return True


def blocking_memory_pair(capacity: int = DEFAULT_CAPACITY) -> tuple[MemoryTransport, BlockingMemoryTransport]:
    """A transport for `duologue.blocking.connect(transport=…)`, and the server's end of it, for any thread."""
    near, far = memory_pair(capacity)
    return near, BlockingMemoryTransport(far)
