"""Calls an application back from a thread of its own, so that a callback may wait for whatever it likes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.errors import DuologueError, StreamOverflow

__all__ = ["Callbacks"]

_logger = logging.getLogger(__name__)


class Callbacks:
    """Functions by the kind of notice that they are called for: one at a time, in the order of the notices.

    Those that are a stream's length behind are called no more, and the log says so.
    """

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        """Where they run, from the first `add` on; it ends with the conversation."""
        self._hooks: list[tuple[type[Any], Callable[[Any], None]]] = []
        self._told: BlockingNoticeStream[object] = BlockingNoticeStream((object,))

    # --- on the event loop, where no interrupt comes

    def add(self, kind: type[Any], callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call back for each notice of a kind. Returns what takes the callback away again."""
        hook = (kind, callback)
        self._hooks = [*self._hooks, hook]  # a new list, which the thread sees whole
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, name="duologue-callbacks", daemon=True)
            self.thread.start()

        def take_away() -> None:
            hooks = list(self._hooks)
            with suppress(ValueError):  # it is gone already
                hooks.remove(hook)
            self._hooks = hooks

        return take_away

    def put(self, notice: object, /) -> None:
        """Something was told."""
        if any(isinstance(notice, kind) for kind, _ in self._hooks):
            self._told.put(notice)

    def end(self, fault: DuologueError, /) -> None:
        """Nothing more will be told."""
        self._told.end(fault)

    # --- in the thread

    def _run(self) -> None:
        while True:
            try:
                notice = self._told.receive()
            except StreamOverflow:
                _logger.exception("the callbacks are too slow, and are called no more")
                return
            except DuologueError:
                return  # the conversation is over, and says so elsewhere
            for kind, callback in self._hooks:
                if isinstance(notice, kind):
                    try:
                        callback(notice)
                    except Exception:
                        _logger.exception("a callback for %s failed", kind.__name__)
