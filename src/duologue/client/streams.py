"""What a conversation tells, as streams: each reader has its own, and none can hold up another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Generic, TypeVar

from duologue.errors import DuologueError, StreamOverflow

__all__ = ["MAX_UNREAD_BYTES", "MOST_UNREAD", "NoticeStream", "size_of"]

N = TypeVar("N")

MOST_UNREAD: Final = 4096
"""More than ten minutes of speech in the usual pieces: a reader that far behind has stopped reading. Waiting for it
would stop the conversation, and dropping notices would make a hole in what it reads; so its stream ends, with
StreamOverflow."""


MAX_UNREAD_BYTES: Final = 64 * 1024 * 1024
"""Of audio and text in unread notices: twenty minutes of speech at 24 kHz. A server may send it in large pieces."""


def size_of(notice: object) -> int:
    """What a notice or an event holds of audio and text."""
    told = (getattr(notice, name, None) for name in ("audio", "delta", "text", "transcript"))
    return sum(len(part) for part in told if isinstance(part, str | bytes))


class NoticeStream(Generic[N]):
    """Notices of some kinds from the moment of its making, in order. One task may iterate."""

    def __init__(self, kinds: tuple[type[N], ...]) -> None:
        self.kinds = kinds
        self._unread: asyncio.Queue[N | DuologueError | None] = asyncio.Queue()
        self._unread_bytes = 0
        self._ended = False

    def put(self, notice: N) -> None:
        """Add a notice, if it is of the stream's kinds."""
        if self._ended or not isinstance(notice, self.kinds):
            return
        size = size_of(notice)
        if self._unread.qsize() >= MOST_UNREAD or (self._unread_bytes and self._unread_bytes + size > MAX_UNREAD_BYTES):
            count = self._unread.qsize()
            self.end(StreamOverflow(f"{count} notices were not read; read faster, or ask for fewer kinds"))
            return
        self._unread_bytes += size
        self._unread.put_nowait(notice)

    def end(self, fault: DuologueError | None = None) -> None:
        """No more notices will come; `fault` is raised behind the last one."""
        if not self._ended:
            self._ended = True
            self._unread.put_nowait(fault)

    async def __aiter__(self) -> AsyncIterator[N]:
        """Notices until the conversation ends, or fails.

        Cancelling loses nothing. Raises what the conversation failed with, or StreamOverflow.
        """
        while True:
            notice = await self._unread.get()
            if notice is None or isinstance(notice, DuologueError):
                self._unread.put_nowait(notice)  # for a second iteration, which ends at once
                if notice is not None:
                    raise notice
                return
            self._unread_bytes -= size_of(notice)
            yield notice
