"""Runs an application's callbacks in a thread of their own, so that a callback may block."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.client.kinds import KindFilter
from duologue.errors import ConnectionClosed, DuologueError, StreamOverflow
from duologue.printable import printable_name
from duologue.protocol.client.notices import Interrupted

__all__ = ["Callbacks"]

_logger = logging.getLogger(__name__)


class Callbacks:
    """Functions by the kinds of notices that they are called for: one at a time, in the order of the notices.

    When more notices wait than a stream may hold, the callbacks end, and the log says so. What a coroutine function
    returns runs on `loop`.
    """

    def __init__(self, loop: LoopThread[Any]) -> None:
        self.thread: threading.Thread | None = None
        """The thread that runs them, from the first `add` to the end of the conversation."""
        self._loop = loop
        self._hooks: list[tuple[KindFilter, Callable[[Any], object]]] = []
        self._notices: BlockingNoticeStream[object] = BlockingNoticeStream((object,))

    # --- on the event loop's thread, where KeyboardInterrupt is never raised

    def add(self, kinds: KindFilter, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call back for each notice of these kinds. Returns a function that ends this."""
        hook = (kinds, callback)
        self._hooks = [*self._hooks, hook]  # a new list: the thread may iterate over the old one
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, name="duologue-callbacks", daemon=True)
            self.thread.start()

        def remove() -> None:
            self._hooks = [other for other in self._hooks if other is not hook]

        return remove

    def put(self, notice: object, /) -> None:
        """Take a notice or an event."""
        if isinstance(notice, Interrupted):
            self._notices.drop_speech(notice.interruption.cut)
        if self.takes(notice):
            self._notices.put(notice)

    def takes(self, notice: object) -> bool:
        """Whether there is a callback for a notice."""
        return any(kinds.matches(notice) for kinds, _ in self._hooks)

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come."""
        self._notices.end(fault)

    # --- in the thread

    def _run(self) -> None:
        try:
            self._call_each()
        finally:
            self._hooks = []  # functions of the application, which often refer to the conversation

    def _call_each(self) -> None:
        while True:
            try:
                notice = self._notices.receive()
            except StreamOverflow:
                _logger.exception("the callbacks are too slow; they are not called any more")
                return
            except DuologueError:
                return  # the conversation is over, and its verbs report it
            for kinds, callback in self._hooks:
                if kinds.matches(notice):
                    self._call(kinds, callback, notice)

    def _call(self, kinds: KindFilter, callback: Callable[[Any], object], notice: object) -> None:
        try:
            returned = callback(notice)
            if inspect.isawaitable(returned):
                self._loop.call(partial(_wait_for, returned))
        except ConnectionClosed:
            _logger.debug("a callback ran when the conversation ended")
        except BaseException:  # not even one that wants to end its thread may keep the others from being called
            _logger.exception("a callback for %s failed", printable_name(str(kinds)))


async def _wait_for(awaitable: Awaitable[object]) -> None:
    await awaitable
