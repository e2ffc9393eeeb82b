"""Calls an application back from a thread of its own, so that a callback may wait for whatever it likes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.errors import DuologueError, StreamOverflow

__all__ = ["Callbacks"]

_logger = logging.getLogger(__name__)

_STOP_S: Final = 1.0
"""How long callbacks may take for what was told before the end."""


class Callbacks:
    """Functions by the kind of notice that they are called for: one at a time, in the order of the notices.

    Those that are a stream's length behind are called no more, and the log says so.
    """

    def __init__(self) -> None:
        self._hooks: list[tuple[type[Any], Callable[[Any], None]]] = []
        self._told: BlockingNoticeStream[Any] = BlockingNoticeStream((object,))
        self._thread: threading.Thread | None = None

    def add(self, kind: type[Any], callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call back for each notice of a kind. Returns what takes the callback away again."""
        hook = (kind, callback)
        self._hooks = [*self._hooks, hook]  # a new list, which the thread sees whole
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="duologue-callbacks", daemon=True)
            self._thread.start()

        def take_away() -> None:
            hooks = list(self._hooks)
            with suppress(ValueError):  # it is gone already
                hooks.remove(hook)
            self._hooks = hooks

        return take_away

    def put(self, notice: object) -> None:
        """Something was told."""
        if any(isinstance(notice, kind) for kind, _ in self._hooks):
            self._told.put(notice)

    def end(self, fault: DuologueError) -> None:
        """Nothing more will be told."""
        self._told.end(fault)

    def close(self) -> None:
        """Wait until the callbacks are through, unless one of them is the caller. Bounded in time."""
        thread, self._thread = self._thread, None
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(_STOP_S)
            if thread.is_alive():
                _logger.warning("a callback goes on after the end of its conversation")

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
