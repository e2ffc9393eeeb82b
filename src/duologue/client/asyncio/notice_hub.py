"""What a conversation reports, and to whom: streams, callbacks and sinks of notices."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar, overload

from duologue.client.asyncio.streams import NoticeSink, NoticeStream
from duologue.errors import ConnectionClosedOK, DuologueError
from duologue.events import RealtimeEvent
from duologue.protocol.client.notices import AudioDelta, Notice, TextDelta

__all__ = ["NoticeHub"]

_logger = logging.getLogger(__name__)

N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")


class NoticeHub:
    """The part of a conversation that hands out its notices. Everything is called on the event loop."""

    def __init__(self) -> None:
        self._sinks: list[NoticeSink] = []
        self._hooks: list[tuple[type[Any], Callable[[Any], None]]] = []
        self._notices_ended: DuologueError | None = None

    @overload
    def stream(self, kind: type[N], /) -> AbstractAsyncContextManager[NoticeStream[N]]: ...

    @overload
    def stream(self, kind: type[N], kind_2: type[N2], /) -> AbstractAsyncContextManager[NoticeStream[N | N2]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], kind_3: type[N3], /
    ) -> AbstractAsyncContextManager[NoticeStream[N | N2 | N3]]: ...

    @overload
    def stream(self, *kinds: type[Any]) -> AbstractAsyncContextManager[NoticeStream[Any]]: ...

    @asynccontextmanager
    async def stream(self, *kinds: type[Any]) -> AsyncGenerator[NoticeStream[Any], None]:
        """Notices of these kinds, from now to the end of the block or of the conversation.

        Classes of the server's events are kinds too: those come as they are, each before the notices that it causes.
        """
        notices: NoticeStream[Any] = NoticeStream(kinds)
        self.attach(notices)
        try:
            yield notices
        finally:
            self.detach(notices)

    async def texts(self) -> AsyncIterator[TextDelta]:
        """Pieces of the model's text and transcripts, from the first `anext` on."""
        async with self.stream(TextDelta) as notices:
            async for notice in notices:
                yield notice

    async def audio(self) -> AsyncIterator[AudioDelta]:
        """Pieces of the model's speech, from the first `anext` on; `report_played` says what of it was played."""
        async with self.stream(AudioDelta) as notices:
            async for notice in notices:
                yield notice

    def on(self, kind: type[N], callback: Callable[[N], None]) -> Callable[[], None]:
        """Call back for each notice or event of a kind, on the event loop, in order. Returns a function that ends this.

        A callback must not block. One that raises is logged, and called again for the next notice.
        """
        hook = (kind, callback)
        self._hooks.append(hook)

        def remove() -> None:
            with suppress(ValueError):  # it was removed before
                self._hooks.remove(hook)

        return remove

    def attach(self, sink: NoticeSink) -> None:
        """Put every notice and event into a sink, from now on."""
        self._sinks.append(sink)
        if self._notices_ended is not None:
            sink.end(self._notices_ended)

    def detach(self, sink: NoticeSink) -> None:
        """Put nothing more into a sink, and end it."""
        if sink in self._sinks:
            self._sinks.remove(sink)
            sink.end(ConnectionClosedOK(1000))  # for another task that still reads it

    def _publish(self, notice: Notice | RealtimeEvent) -> None:
        for sink in [*self._sinks]:
            sink.put(notice)
        for kind, callback in list(self._hooks):
            if isinstance(notice, kind):
                try:
                    callback(notice)
                except Exception:
                    _logger.exception("a callback for %s failed", kind.__name__)

    def _end_notices(self, fault: DuologueError) -> None:
        self._notices_ended = fault
        for sink in self._sinks:
            sink.end(fault)
