"""Awaits what a callback returns, one call after another, beside the reader of events."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Collection
from typing import Any, Final

from duologue.client.asyncio.streams import MAX_UNREAD_BYTES, is_speech_of, size_of
from duologue.client.limits import MAX_UNREAD_NOTICES
from duologue.printable import printable_name

__all__ = ["AwaitedCallback"]

_logger = logging.getLogger(__name__)

_STOP_S: Final = 1.0
"""How long what was called may take to return after the end of its conversation."""


class AwaitedCallback:
    """The calls of one callback that have not returned. Limited as a stream is: when more wait, the callback ends.

    `name` says in the log what it is called for.
    """

    def __init__(self, name: str) -> None:
        self._name = printable_name(name)
        self._waiting: deque[tuple[Awaitable[Any], object]] = deque()
        self._waiting_bytes = 0
        self._running: set[asyncio.Task[None]] = set()
        """The task, while calls are awaited: afterwards its exception refers to this object."""
        self._context = contextvars.copy_context()
        """Of the application: notices are published in whichever task causes them."""
        self._is_over = False

    def put(self, awaitable: Awaitable[Any], notice: object) -> None:
        """Await this, which a call for the notice has returned, behind what was put before."""
        n_bytes = size_of(notice)
        is_full = len(self._waiting) >= MAX_UNREAD_NOTICES
        if is_full or (self._waiting and self._waiting_bytes + n_bytes > MAX_UNREAD_BYTES):
            _logger.error("a callback for %s is too slow; it is not called any more", printable_name(self._name))
            self.end()
        if self._is_over:
            _drop(awaitable)
            return
        self._waiting.append((awaitable, notice))
        self._waiting_bytes += n_bytes
        if not self.is_running:
            task = asyncio.get_running_loop().create_task(self._run(), context=self._context)  # `close` ends it
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def drop_speech(self, cut: Collection[tuple[str, int]]) -> None:
        """Give up the calls for speech of these parts (item id, content index), as streams do."""
        waiting, self._waiting = self._waiting, deque()
        for awaitable, notice in waiting:
            if is_speech_of(notice, cut):
                self._waiting_bytes -= size_of(notice)
                _drop(awaitable)
            else:
                self._waiting.append((awaitable, notice))

    @property
    def is_over(self) -> bool:
        """Whether nothing more is awaited."""
        return self._is_over

    @property
    def is_running(self) -> bool:
        """Whether a call has not returned."""
        return any(not task.done() for task in self._running)

    def end(self) -> None:
        """Await nothing more, but for the call that runs."""
        self._is_over = True
        for awaitable, _ in self._waiting:
            _drop(awaitable)
        self._waiting.clear()

    async def close(self, *, closer: asyncio.Task[Any] | None, at_once: bool = False) -> None:
        """Let what waits return, a second at most, unless `at_once`; cancel the rest.

        `closer` is the task that closes the conversation: it may be a call of this callback, and goes on then.
        """
        for task in [*self._running]:
            if task.done() or task is closer:
                continue
            try:
                await asyncio.wait([task], timeout=0 if at_once else _STOP_S)
            finally:
                self.end()
                task.cancel()
            await asyncio.wait([task], timeout=_STOP_S)
        self.end()

    async def _run(self) -> None:
        while self._waiting:
            awaitable, notice = self._waiting.popleft()
            self._waiting_bytes -= size_of(notice)
            try:
                await awaitable
            except asyncio.CancelledError:
                if self._is_over:
                    raise
                # It has cancelled itself, or awaited what was cancelled: the next call is not to blame.
                _logger.warning("a callback for %s was cancelled", printable_name(self._name))
            except Exception:
                _logger.exception("a callback for %s failed", printable_name(self._name))


def _drop(awaitable: Awaitable[Any]) -> None:
    """Give up what was not begun; Python warns of a coroutine that is never awaited."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()
    elif isinstance(awaitable, asyncio.Future):
        awaitable.cancel()
