"""Runs an application's callbacks in a thread of their own, so that a callback may block."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.errors import DuologueError, StreamOverflow
from duologue.protocol.client.notices import Interrupted

__all__ = ["Callbacks"]

_logger = logging.getLogger(__name__)


class Callbacks:
    """Functions by the kind of notice that they are called for: one at a time, in the order of the notices.

    When more notices wait than a stream may hold, the callbacks end, and the log says so.
    """

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        """The thread that runs them, from the first `add` to the end of the conversation."""
        self._hooks: list[tuple[type[Any], Callable[[Any], None]]] = []
        self._notices: BlockingNoticeStream[object] = BlockingNoticeStream((object,))

    # --- on the event loop's thread, where KeyboardInterrupt is never raised

    def add(self, kind: type[Any], callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call back for each notice of a kind. Returns a function that ends this."""
        hook = (kind, callback)
        self._hooks = [*self._hooks, hook]  # a new list: the thread may iterate over the old one
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, name="duologue-callbacks", daemon=True)
            self.thread.start()

        def remove() -> None:
            hooks = list(self._hooks)
            with suppress(ValueError):  # it was removed before
                hooks.remove(hook)
            self._hooks = hooks

        return remove

    def put(self, notice: object, /) -> None:
        """Take a notice or an event."""
        if isinstance(notice, Interrupted):
            self._notices.drop_speech(notice.interruption.cut)
        if any(isinstance(notice, kind) for kind, _ in self._hooks):
            self._notices.put(notice)

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come."""
        self._notices.end(fault)

    # --- in the thread

    def _run(self) -> None:
        while True:
            try:
                notice = self._notices.receive()
            except StreamOverflow:
                _logger.exception("the callbacks are too slow; they are not called any more")
                return
            except DuologueError:
                return  # the conversation is over, and its verbs report it
            for kind, callback in self._hooks:
                if isinstance(notice, kind):
                    try:
                        callback(notice)
                    except Exception:
                        _logger.exception("a callback for %s failed", kind.__name__)
