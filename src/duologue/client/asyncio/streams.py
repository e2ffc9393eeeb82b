"""Notices of a conversation as streams: each reader has its own, and none can block another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Generic, Protocol, TypeVar, cast

from duologue.client.kinds import KindFilter
from duologue.client.limits import MAX_UNREAD_NOTICES
from duologue.errors import ConnectionClosedOK, DuologueError, StreamOverflow

__all__ = ["MAX_UNREAD_BYTES", "BaseStream", "NoticeSink", "NoticeStream", "Unread", "size_of"]

N = TypeVar("N")


MAX_UNREAD_BYTES: Final = 64 * 1024 * 1024
"""Of audio and text in unread notices: twenty minutes of speech at 24 kHz. A server may send it in large pieces."""


def size_of(notice: object) -> int:
    """What a notice or an event holds of audio and text, in bytes or characters."""
    parts = (getattr(notice, name, None) for name in ("audio", "delta", "text", "transcript"))
    return sum(len(part) for part in parts if isinstance(part, str | bytes))


class NoticeSink(Protocol):
    """What is attached to a conversation; both are called on its event loop."""

    def put(self, notice: object, /) -> None:
        """Take a notice or an event."""
        ...

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come; `fault` says why: ConnectionClosedOK after a normal end."""
        ...


N_contra = TypeVar("N_contra", contravariant=True)


class Unread(Protocol[N_contra]):
    """The queue of a stream: asyncio's, or one for threads."""

    def qsize(self) -> int:
        """How many are in it."""
        ...

    def put_nowait(self, item: N_contra, /) -> None:
        """Add one."""
        ...


class BaseStream(Generic[N]):
    """Notices of some kinds, put into a queue that never makes the conversation wait.

    Raises:
        TypeError: one of the kinds is none, as `KindFilter` says.
        ValueError: no event of a server has this wire name.
    """

    def __init__(self, kinds: tuple[type[N] | str, ...], unread: Unread[N | DuologueError]) -> None:
        self._kinds = KindFilter(kinds)
        self._queue = unread
        self._put_bytes = self._read_bytes = 0
        """Each is changed by one thread only, so that no lock is needed; the difference is unread."""
        self._ended = False

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is added."""
        return self._ended

    def put(self, notice: object, /) -> None:
        """Add a notice, if it is of the stream's kinds."""
        if self._ended or not self._kinds.matches(notice):
            return
        size, unread_bytes = size_of(notice), self._put_bytes - self._read_bytes
        count = self._queue.qsize()
        if count >= MAX_UNREAD_NOTICES or (unread_bytes and unread_bytes + size > MAX_UNREAD_BYTES):
            self.end(StreamOverflow(f"{count} notices were not read; read faster, or ask for fewer kinds"))
            return
        self._put_bytes += size
        self._queue.put_nowait(cast("N", notice))

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come; `fault` says why, behind the last one."""
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(fault)

    def _is_read(self, notice: N) -> None:
        self._read_bytes += size_of(notice)


class NoticeStream(BaseStream[N]):
    """Notices of some kinds, in order, from the moment when it was made. One task may iterate."""

    def __init__(self, kinds: tuple[type[N] | str, ...]) -> None:
        self._unread: asyncio.Queue[N | DuologueError] = asyncio.Queue()
        super().__init__(kinds, self._unread)

    async def receive(self) -> N:
        """The next notice. Cancelling loses nothing.

        Raises:
            ConnectionClosedOK: the conversation has ended normally.
            DuologueError: what it failed with, or StreamOverflow.
        """
        notice = await self._unread.get()
        if isinstance(notice, DuologueError):
            self._unread.put_nowait(notice)  # for the next call, which must get it too
            raise notice.with_traceback(None)
        self._is_read(notice)
        return notice

    def take_unread(self) -> list[N]:
        """All that was not read, without waiting."""
        unread: list[N] = []
        while not self._unread.empty():
            notice = self._unread.get_nowait()
            if isinstance(notice, DuologueError):
                self._unread.put_nowait(notice)
                break  # it is the last
            self._is_read(notice)
            unread.append(notice)
        return unread

    async def __aiter__(self) -> AsyncIterator[N]:
        """Notices until the conversation ends, or fails.

        Cancelling loses nothing. Raises what the conversation failed with, or StreamOverflow.
        """
        while True:
            try:
                notice = await self.receive()
            except ConnectionClosedOK:
                return
            yield notice
