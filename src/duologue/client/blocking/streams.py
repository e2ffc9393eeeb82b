"""Notices of a conversation as streams for threads: the event loop fills them, and reading them needs no loop."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from typing import TypeVar

from duologue.client.asyncio.streams import BaseStream, StreamEnd
from duologue.client.kinds import KindFilter
from duologue.errors import ConnectionClosedOK
from duologue.tracebacks import anew

__all__ = ["BlockingNoticeStream"]

N = TypeVar("N")


class BlockingNoticeStream(BaseStream[N]):
    """Notices of some kinds, in order, from the moment when it was made. One thread may read.

    Iterating waits `timeout` seconds for each, None: without limit. After TimeoutError it can be iterated again.
    """

    def __init__(self, kinds: tuple[type[N] | str, ...] | KindFilter, *, timeout: float | None = None) -> None:
        super().__init__(kinds)
        self.timeout = timeout
        self._filled: queue.SimpleQueue[None] = queue.SimpleQueue()
        """Wakes the thread, which then looks again."""

    def receive(self, *, timeout: float | None = None) -> N:
        """The next notice.

        Raises:
            ConnectionClosedOK: the conversation has ended normally.
            DuologueError: what it failed with, or StreamOverflow.
            TimeoutError: no notice came in time.
        """
        ends_at = None if timeout is None else time.monotonic() + timeout
        while (notice := self._take()) is None:
            try:
                self._filled.get(timeout=None if ends_at is None else max(0.0, ends_at - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"no notice came within {timeout:g} s") from None
        if isinstance(notice, StreamEnd):
            raise anew(notice.fault)
        return notice

    def __iter__(self) -> Iterator[N]:
        return self

    def __next__(self) -> N:
        """The next notice; the iteration ends with the conversation. Raises as `receive` does."""
        try:
            return self.receive(timeout=self.timeout)
        except ConnectionClosedOK:
            raise StopIteration from None

    def _wake(self) -> None:
        if self._filled.empty():  # the thread takes what wakes it before it looks: one is enough
            self._filled.put(None)
