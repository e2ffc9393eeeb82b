"""What a conversation reports, and to whom: streams, callbacks and sinks of notices."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, overload

from duologue.client.asyncio.awaited_callback import AwaitedCallback
from duologue.client.asyncio.streams import NoticeSink, NoticeStream
from duologue.client.kinds import Kind, KindFilter
from duologue.errors import ConnectionClosedOK, DuologueError
from duologue.events import RealtimeEvent, ReceivedEvent
from duologue.printable import printable_name
from duologue.protocol.client.notices import AudioDelta, Interrupted, Notice, TextDelta

__all__ = ["NoticeHub"]

_logger = logging.getLogger(__name__)

E = TypeVar("E", bound=ReceivedEvent)
"""A class of the server's events."""
N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")


class NoticeHub:
    """The part of a conversation that hands out its notices. Everything is called on the event loop."""

    def __init__(self) -> None:
        self._sinks: list[NoticeSink] = []
        self._hooks: list[_Hook] = []
        self._removed: list[AwaitedCallback] = []
        """Of callbacks that were taken away while a call of them ran."""
        self._notices_ended: DuologueError | None = None
        self._held: NoticeStream[Any] | None = None
        """What comes before the application has the conversation, and can ask for it."""

    @overload
    def stream(self, kind: type[E], /) -> AbstractAsyncContextManager[NoticeStream[E]]: ...

    @overload
    def stream(self, kind: type[RealtimeEvent], /) -> AbstractAsyncContextManager[NoticeStream[ReceivedEvent]]: ...

    @overload
    def stream(self, kind: type[N], /) -> AbstractAsyncContextManager[NoticeStream[N]]: ...

    @overload
    def stream(self, kind: type[N], kind_2: type[N2], /) -> AbstractAsyncContextManager[NoticeStream[N | N2]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], kind_3: type[N3], /
    ) -> AbstractAsyncContextManager[NoticeStream[N | N2 | N3]]: ...

    @overload
    def stream(self, *kinds: Kind) -> AbstractAsyncContextManager[NoticeStream[Any]]: ...

    def stream(self, *kinds: Kind) -> AbstractAsyncContextManager[NoticeStream[Any]]:
        """Notices of these kinds, from the beginning of the block to the end of it or of the conversation.

        A kind is a class of `duologue.notices` or of the server's events, or the wire name of such an event, as in
        "response.done", in any dialect's spelling. Events come as they are, each before the notices that it causes.

        Raises:
            TypeError: a kind is none of these, or there is none.
            ValueError: no event of a server has this wire name.
        """
        return self._streaming(NoticeStream(kinds))

    @asynccontextmanager
    async def _streaming(self, notices: NoticeStream[Any]) -> AsyncGenerator[NoticeStream[Any], None]:
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

    @overload
    def on(self, kind: type[E], callback: Callable[[E], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: type[RealtimeEvent], callback: Callable[[ReceivedEvent], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: type[N], callback: Callable[[N], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]: ...

    def on(self, kind: Kind, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call back for each notice or event of a kind, on the event loop, in order. Returns a function that ends this.

        A kind is what `stream` takes. A function must not block. A coroutine function may wait: its calls run one after
        another beside the conversation, and end with it; when more of them wait than a stream may hold, it is called no
        more. A callback that raises is logged, and called again for the next notice.

        Raises:
            TypeError: the kind is none, or the callback cannot be called.
            ValueError: no event of a server has this wire name.
        """
        if not callable(callback):
            raise TypeError(f"a callback is a function or a coroutine function, not {type(callback).__name__}")
        hook = _Hook(KindFilter((kind,)), callback)
        self._hooks.append(hook)

        def remove() -> None:
            if hook in self._hooks:
                self._hooks.remove(hook)
                hook.awaited.end()
                self._removed = [other for other in (*self._removed, hook.awaited) if other.is_running]

        return remove

    def attach(self, sink: NoticeSink) -> None:
        """Put every notice and event into a sink, from now on."""
        self._sinks.append(sink)
        if self._notices_ended is not None:
            sink.end(self._notices_ended)

    def detach(self, sink: NoticeSink, fault: DuologueError | None = None) -> None:
        """Put nothing more into a sink, and end it: normally, unless a fault is given."""
        if sink in self._sinks:
            self._sinks.remove(sink)
            _end(sink, fault if fault is not None else ConnectionClosedOK(1000))  # for a task that still reads it

    def _hold_notices(self) -> None:
        """Keep what is published for later, as much as a stream may hold."""
        self._held = NoticeStream((object,))

    def _release_notices(self) -> None:
        """Hand out what was kept, in order."""
        held, self._held = self._held, None
        if held is None:
            return
        if held.is_ended:
            _logger.error("the server sent too much before the conversation began; the end of it is not reported")
        for notice in held.take_unread():
            self._publish(notice)

    def _publish(self, notice: Notice | RealtimeEvent) -> None:
        if self._held is not None:
            self._held.put(notice)
            return
        for sink in [*self._sinks]:
            try:
                sink.put(notice)
            except Exception as fault:
                # Its reader would wait for ever for what it did not get.
                _logger.exception("a stream failed at a %s", printable_name(type(notice).__name__))
                self.detach(sink, DuologueError(f"the stream failed: {fault}"))
        for hook in [*self._hooks]:
            if isinstance(notice, Interrupted):
                hook.awaited.drop_speech(notice.interruption.cut)
            if not hook.awaited.is_over and hook.kinds.matches(notice):
                hook.call(notice)

    def _end_notices(self, fault: DuologueError) -> None:
        self._release_notices()
        self._notices_ended = fault
        for sink in [*self._sinks]:
            _end(sink, fault)

    async def _close_callbacks(self, *, at_once: bool) -> None:
        called = [*(hook.awaited for hook in self._hooks), *self._removed]
        closer = asyncio.current_task()
        await asyncio.gather(*(awaited.close(closer=closer, at_once=at_once) for awaited in called))


class _Hook:
    """A callback, and what of its calls has not returned."""

    def __init__(self, kinds: KindFilter, callback: Callable[[Any], object]) -> None:
        self.kinds = kinds
        self.awaited = AwaitedCallback(str(kinds))
        self._callback = callback

    def call(self, notice: Notice | RealtimeEvent) -> None:
        try:
            returned = self._callback(notice)
        except (Exception, asyncio.CancelledError):  # cancelled: it has asked a future for its result
            _logger.exception("a callback for %s failed", printable_name(str(self.kinds)))
        else:
            if inspect.isawaitable(returned):
                self.awaited.put(returned, notice)


def _end(sink: NoticeSink, fault: DuologueError) -> None:
    try:
        sink.end(fault)
    except Exception:  # the other sinks must end all the same
        _logger.exception("a stream did not end cleanly")
