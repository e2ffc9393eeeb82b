"""Notices of a conversation as streams for threads: the event loop fills them, and reading them needs no loop."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import TypeVar

from duologue.client.asyncio.streams import BaseStream
from duologue.errors import ConnectionClosedOK, DuologueError

__all__ = ["BlockingNoticeStream"]

N = TypeVar("N")


class BlockingNoticeStream(BaseStream[N]):
    """Notices of some kinds, in order, from the moment when it was made. One thread may read.

    Iterating waits `timeout` seconds for each, None: without limit. After TimeoutError it can be iterated again.
    """

    def __init__(self, kinds: tuple[type[N] | str, ...], *, timeout: float | None = None) -> None:
        self.timeout = timeout
        self._unread: queue.SimpleQueue[N | DuologueError] = queue.SimpleQueue()
        super().__init__(kinds, self._unread)

    def receive(self, *, timeout: float | None = None) -> N:
        """The next notice.

        Raises:
            ConnectionClosedOK: the conversation has ended normally.
            DuologueError: what it failed with, or StreamOverflow.
            TimeoutError: no notice came in time.
        """
        try:
            notice = self._unread.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no notice came within {timeout:g} s") from None
        if isinstance(notice, DuologueError):
            self._unread.put(notice)  # for the next call, which must get it too
            raise notice.with_traceback(None)
        self._is_read(notice)
        return notice

    def __iter__(self) -> Iterator[N]:
        return self

    def __next__(self) -> N:
        """The next notice; the iteration ends with the conversation. Raises as `receive` does."""
        try:
            return self.receive(timeout=self.timeout)
        except ConnectionClosedOK:
            raise StopIteration from None
