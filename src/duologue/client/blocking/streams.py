"""What a conversation tells, as streams for threads: each reader has its own, and none can hold up another."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Generic, TypeVar

from duologue.client.streams import MAX_UNREAD_BYTES, MOST_UNREAD, size_of
from duologue.errors import ConnectionClosedOK, DuologueError, StreamOverflow

__all__ = ["BlockingNoticeStream"]

N = TypeVar("N")


class BlockingNoticeStream(Generic[N]):
    """Notices of some kinds from the moment of its making, in order. One thread may read.

    Iterating waits `timeout_s` for each of them, for ever if it is None; after a TimeoutError it can be gone on with.
    """

    def __init__(self, kinds: tuple[type[N], ...], *, timeout_s: float | None = None) -> None:
        self.kinds = kinds
        self.timeout_s = timeout_s
        self._unread: queue.SimpleQueue[N | DuologueError] = queue.SimpleQueue()
        self._put_bytes = self._read_bytes = 0
        """Each counted by one thread alone; what is unread is the difference."""
        self._ended = False

    @property
    def is_empty(self) -> bool:
        """Whether everything that was told has been read."""
        return self._unread.empty()

    def receive(self, *, timeout_s: float | None = None) -> N:
        """The next notice.

        Raises:
            ConnectionClosedOK: the conversation has ended as agreed.
            DuologueError: what it failed with, or StreamOverflow.
            TimeoutError: nothing was told in time.
        """
        try:
            notice = self._unread.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError(f"nothing was told within {timeout_s:g} s") from None
        if isinstance(notice, DuologueError):
            self._unread.put(notice)  # for the next call, which must learn it too
            raise notice.with_traceback(None)
        self._read_bytes += size_of(notice)
        return notice

    def __iter__(self) -> Iterator[N]:
        return self

    def __next__(self) -> N:
        """The next notice; the iteration ends with the conversation. Raises as `receive` does."""
        try:
            return self.receive(timeout_s=self.timeout_s)
        except ConnectionClosedOK:
            raise StopIteration from None

    # --- for the conversation, which calls these one at a time

    def put(self, notice: N) -> None:
        """Add a notice, if it is of the stream's kinds."""
        if self._ended or not isinstance(notice, self.kinds):
            return
        size, unread_bytes = size_of(notice), self._put_bytes - self._read_bytes
        if self._unread.qsize() >= MOST_UNREAD or (unread_bytes and unread_bytes + size > MAX_UNREAD_BYTES):
            count = self._unread.qsize()
            self.end(StreamOverflow(f"{count} notices were not read; read faster, or ask for fewer kinds"))
            return
        self._put_bytes += size
        self._unread.put(notice)

    def end(self, fault: DuologueError) -> None:
        """No more notices will come; `fault` says why, behind the last one."""
        if not self._ended:
            self._ended = True
            self._unread.put(fault)
