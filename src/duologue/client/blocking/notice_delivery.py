"""Hands out what a session reports to threads: streams and callbacks, whatever the family of its protocol."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Generic, TypeVar

from duologue.client.asyncio.notice_delivery import NoticeDelivery
from duologue.client.blocking.callbacks import Callbacks
from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.client.kinds import KindFilter
from duologue.printable import printable

__all__ = ["BlockingNoticeDelivery"]

_logger = logging.getLogger(__name__)

_STOP_S: Final = 1.0
"""How long callbacks and sync functions that run may take to return after the end of their session."""

S = TypeVar("S", bound=NoticeDelivery)
"""The session on its event loop."""


class BlockingNoticeDelivery(Generic[S]):
    """The part of a session that hands out its notices."""

    def __init__(self, conversation: S, loop: LoopThread[S]) -> None:
        self._conversation = conversation
        self._loop = loop
        self._callbacks: Callbacks | None = None
        self._streams: dict[BlockingNoticeStream[Any], int] = {}
        """Streams that are open, with the threads that opened them."""

    @contextmanager
    def _streaming(self, notices: BlockingNoticeStream[Any]) -> Generator[BlockingNoticeStream[Any], None, None]:
        self._loop.raise_fault()
        try:
            self._streams[notices] = threading.get_ident()
            self._loop.do(partial(self._conversation.attach, notices))
            yield notices
        finally:
            self._streams.pop(notices, None)
            # Without waiting: an iterator that was dropped is closed on whichever thread collects it.
            self._loop.post(partial(self._conversation.detach, notices))

    def _call_back(self, kinds: KindFilter, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call back for each notice of these kinds. Returns a function that ends this.

        Raises:
            TypeError: the callback cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"a callback is a function or a coroutine function, not {type(callback).__name__}")
        remove = self._loop.do(partial(self._add_callback, kinds, callback))
        return lambda: self._loop.do(remove)

    def _fail_thread(self, block: object, thread: int, fault: BaseException) -> None:
        """A sink or a source has failed: whatever its block waits for raises that. On the event loop."""
        self._loop.fail_thread(block, thread, fault)
        for notices, reader in list(self._streams.items()):
            if reader == thread and isinstance(fault, Exception):
                notices.end(fault)

    def _add_callback(self, kinds: KindFilter, callback: Callable[[Any], object]) -> Callable[[], None]:
        if self._callbacks is None:
            self._callbacks = Callbacks(self._loop)
            self._conversation.attach(self._callbacks)
        return self._callbacks.add(kinds, callback)

    def _join_application_threads(self, functions: Mapping[threading.Thread, str]) -> None:
        """Wait a moment for callbacks, and for the functions that run in threads; log those that go on."""
        running = {thread: f"the function {name}" for thread, name in functions.items()}
        if self._callbacks is not None and self._callbacks.thread is not None:
            running[self._callbacks.thread] = "a callback"
        ends_at = time.monotonic() + _STOP_S
        for thread, name in running.items():
            if thread is threading.current_thread():
                continue
            while thread.is_alive() and time.monotonic() < ends_at:
                thread.join(max(0.0, ends_at - time.monotonic()))
            if thread.is_alive():
                _logger.warning("%s goes on after the end of its conversation", printable(name))
