"""Hands out what a session reports: to streams, callbacks and sinks, whatever the family of its protocol."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from duologue.client.asyncio.awaited_callback import AwaitedCallback
from duologue.client.asyncio.streams import NoticeSink, NoticeStream
from duologue.client.kinds import KindFilter
from duologue.errors import ConnectionClosedOK, DuologueError
from duologue.printable import printable_name
from duologue.protocol.client.notices import Interrupted

__all__ = ["NoticeDelivery"]

_logger = logging.getLogger(__name__)


class NoticeDelivery:
    """The part of a session that hands out its notices. Everything is called on the event loop."""

    def __init__(self) -> None:
        self._sinks: list[NoticeSink] = []
        self._hooks: list[_Hook] = []
        self._removed: list[AwaitedCallback] = []
        """Of callbacks that were taken away while a call of them ran."""
        self._notices_ended: DuologueError | None = None
        self._held: NoticeStream[Any] | None = None
        """What comes before the application has the conversation, and can ask for it."""

    @asynccontextmanager
    async def _streaming(self, notices: NoticeStream[Any]) -> AsyncGenerator[NoticeStream[Any], None]:
        self.attach(notices)
        try:
            yield notices
        finally:
            self.detach(notices)

    def _add_callback(self, kinds: KindFilter, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call back for each notice of these kinds. Returns a function that ends this.

        Raises:
            TypeError: the callback cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"a callback is a function or a coroutine function, not {type(callback).__name__}")
        hook = _Hook(kinds, callback)
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

    def _is_heard(self, notice: object) -> bool:
        """Whether a stream or a callback takes this notice."""
        takes = (getattr(sink, "takes", None) for sink in self._sinks)
        return any(hook.kinds.matches(notice) for hook in self._hooks) or any(
            take is not None and take(notice) for take in takes
        )

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

    def _publish(self, notice: object) -> None:
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
        # What is called or told often refers to the session. A function that closes it runs on, and is ended later.
        self._sinks.clear()
        self._hooks = [hook for hook in self._hooks if hook.awaited.is_running]
        self._removed = [awaited for awaited in self._removed if awaited.is_running]


class _Hook:
    """A callback, and what of its calls has not returned."""

    def __init__(self, kinds: KindFilter, callback: Callable[[Any], object]) -> None:
        self.kinds = kinds
        self.awaited = AwaitedCallback(str(kinds))
        self._callback = callback

    def call(self, notice: object) -> None:
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
