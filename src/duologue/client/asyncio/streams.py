"""Notices of a conversation as streams: each reader has its own, and none can block another."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Collection
from typing import Final, Generic, Protocol, TypeVar, cast

from duologue.client.kinds import KindFilter
from duologue.client.limits import MAX_UNREAD_NOTICES
from duologue.errors import ConnectionClosedOK, DuologueError, StreamOverflow
from duologue.protocol.client.notices import AudioDelta, Interrupted
from duologue.tracebacks import anew

__all__ = ["MAX_UNREAD_BYTES", "BaseStream", "NoticeSink", "NoticeStream", "StreamEnd", "is_speech_of", "size_of"]

N = TypeVar("N")


MAX_UNREAD_BYTES: Final = 64 * 1024 * 1024
"""Of audio and text in unread notices: twenty minutes of speech at 24 kHz. A server may send it in large pieces."""


def size_of(notice: object) -> int:
    """What a notice or an event holds of audio and text, in bytes or characters."""
    parts = (getattr(notice, name, None) for name in ("audio", "delta", "text", "transcript"))
    return sum(len(part) for part in parts if isinstance(part, str | bytes))


class StreamEnd:
    """Why no more notices come: the last thing in a stream."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault


class NoticeSink(Protocol):
    """What is attached to a conversation; both are called on its event loop."""

    def put(self, notice: object, /) -> None:
        """Take a notice or an event."""
        ...

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come; `fault` says why: ConnectionClosedOK after a normal end."""
        ...


class BaseStream(Generic[N]):
    """Notices of some kinds, put into a queue that never makes the conversation wait.

    When the user interrupts, unread speech of the parts that are cut leaves the queue, so that `Interrupted` does not
    wait behind it. All else keeps its order, the server's own events too.

    Raises:
        TypeError: one of the kinds is none, as `KindFilter` says.
        ValueError: no event of a server has this wire name.
    """

    def __init__(self, kinds: tuple[type[N] | str, ...] | KindFilter) -> None:
        self._kinds = kinds if isinstance(kinds, KindFilter) else KindFilter(kinds)
        self._unread: deque[N | StreamEnd] = deque()
        self._unread_bytes = 0
        self._ended = False
        # Of C: an interrupt cannot leave it taken, as it could a Condition.
        self._lock = threading.Lock()

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is added."""
        return self._ended

    def takes(self, notice: object) -> bool:
        """Whether a notice is of the stream's kinds."""
        return not self._ended and self._kinds.matches(notice)

    def put(self, notice: object, /) -> None:
        """Add a notice, if it is of the stream's kinds."""
        if isinstance(notice, Interrupted):
            self.drop_speech(notice.interruption.cut)
        if not self.takes(notice):
            return
        size = size_of(notice)
        with self._lock:
            count = len(self._unread)
            fits = count < MAX_UNREAD_NOTICES and (
                not self._unread_bytes or self._unread_bytes + size <= MAX_UNREAD_BYTES
            )
            if fits:
                self._unread.append(cast("N", notice))
                self._unread_bytes += size
        if fits:
            self._wake()
        else:
            self.end(StreamOverflow(f"{count} notices were not read; read faster, or ask for fewer kinds"))

    def end(self, fault: Exception, /) -> None:
        """No more notices will come; `fault` says why, behind the last one."""
        if not self._ended:
            self._ended = True
            with self._lock:
                self._unread.append(StreamEnd(fault))
            self._wake()

    def drop_speech(self, cut: Collection[tuple[str, int]]) -> None:
        """Drop unread speech of these parts (item id, content index)."""
        with self._lock:
            kept = [each for each in self._unread if not is_speech_of(each, cut)]
            if len(kept) < len(self._unread):
                self._unread = deque(kept)
                self._unread_bytes = sum(map(size_of, kept))

    def _take(self) -> N | StreamEnd | None:
        """The next notice, or the end, which stays there; None if there is nothing."""
        with self._lock:
            if not self._unread or isinstance(self._unread[0], StreamEnd):
                return self._unread[0] if self._unread else None
            notice = self._unread.popleft()
            self._unread_bytes -= size_of(notice)
            return notice

    def _wake(self) -> None:
        """Something is there to be read."""
        raise NotImplementedError


def is_speech_of(notice: object, cut: Collection[tuple[str, int]]) -> bool:
    """Whether a notice is speech of one of these parts (item id, content index)."""
    return isinstance(notice, AudioDelta) and (notice.item_id, notice.content_index) in cut


class NoticeStream(BaseStream[N]):
    """Notices of some kinds, in order, from the moment when it was made. One task may iterate."""

    def __init__(self, kinds: tuple[type[N] | str, ...] | KindFilter) -> None:
        super().__init__(kinds)
        self._filled = asyncio.Event()

    async def receive(self) -> N:
        """The next notice. Cancelling loses nothing.

        Raises:
            ConnectionClosedOK: the conversation has ended normally.
            DuologueError: what it failed with, or StreamOverflow.
        """
        while (notice := self._take()) is None:
            self._filled.clear()
            await self._filled.wait()
        if isinstance(notice, StreamEnd):
            raise anew(notice.fault)
        return notice

    def take_unread(self) -> list[N]:
        """All that was not read, without waiting."""
        unread: list[N] = []
        while (notice := self._take()) is not None and not isinstance(notice, StreamEnd):
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

    def _wake(self) -> None:
        self._filled.set()
