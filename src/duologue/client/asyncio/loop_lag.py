"""Logs which code blocks an event loop: the usual reason for calls that stutter and connections that die.

A thread schedules a callback on the loop again and again, and looks at the stack of the loop's thread when the callback
is late.
"""

from __future__ import annotations

import asyncio
import logging
import os
import selectors
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Final
from weakref import WeakKeyDictionary

__all__ = ["LoopWatchdog", "watched_loop"]

_logger = logging.getLogger(__name__)

_SHOWN_FRAMES: Final = 6
"""Of the stack, from the inside: the code that blocks, and its callers."""

_MAX_PLACES: Final = 100
"""Functions that are reported; more would fill the log."""

_STANDARD_LIBRARY: Final = os.path.dirname(os.__file__)
_EVENT_LOOP: Final = os.path.dirname(asyncio.__file__)


class LoopWatchdog:
    """Watches the running loop from a thread until `stop`. Logs a warning for each function that blocks, once."""

    def __init__(self, *, late_ms: int) -> None:
        self._late_s = late_ms / 1000
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._ran = threading.Event()
        self._stopped = threading.Event()
        self._reported: set[CodeType] = set()
        self._thread = threading.Thread(target=self._watch, name="duologue-watchdog", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Have the thread end. It does so at once; this does not wait for it."""
        self._stopped.set()
        self._ran.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._late_s / 2.5):
            self._ran.clear()
            try:
                self._loop.call_soon_threadsafe(self._ran.set)
            except RuntimeError:  # the loop is closed: nothing is left to watch
                return
            if self._stopped.is_set():
                return
            if not self._ran.wait(self._late_s):
                self._report()
                self._ran.wait()  # one report for each time that it blocks

    def _report(self) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:
            return
        task = asyncio.current_task(self._loop)
        stack = _stack(frame)
        if _waits(stack):
            return  # it has just returned to the loop
        place = next((each for each in stack if _is_own(each)), stack[0]).f_code
        if place in self._reported or len(self._reported) >= _MAX_PLACES:
            return
        self._reported.add(place)
        name = f"the task {task.get_name()}" if task is not None else "a callback"
        # Names and lines only: what the variables hold may be speech or a key.
        _logger.warning(
            "the event loop has been blocked for more than %d ms by %s (%s), at %s",
            round(self._late_s * 1000),
            name,
            stack[-1].f_code.co_qualname,
            ", called from ".join(
                f"{each.f_code.co_filename}:{each.f_lineno} in {each.f_code.co_name}" for each in stack[:_SHOWN_FRAMES]
            ),
        )


def _stack(innermost: FrameType) -> list[FrameType]:
    """The frames from the innermost to the one that the event loop called; never empty."""
    stack = [innermost]
    while (frame := stack[-1].f_back) is not None and not frame.f_code.co_filename.startswith(_EVENT_LOOP):
        stack.append(frame)
    return stack


def _is_own(frame: FrameType) -> bool:
    """Whether this is the application's code: a report that names the standard library helps little."""
    name = frame.f_code.co_filename
    return not name.startswith(_STANDARD_LIBRARY) and "site-packages" not in name


def _waits(stack: list[FrameType]) -> bool:
    """Whether this is the loop itself, which waits for work."""
    innermost = stack[0].f_code.co_filename
    return innermost.startswith(_EVENT_LOOP) or (len(stack) == 1 and innermost == selectors.__file__)


class _Watched:
    """A loop's watchdog, and how many blocks of `watched_loop` use it."""

    def __init__(self, watchdog: LoopWatchdog) -> None:
        self.watchdog = watchdog
        self.n_users = 0


_watched: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Watched]] = WeakKeyDictionary()
"""A loop has one watchdog, and so one thread, however many connections run on it."""
_lock: Final = threading.Lock()


@contextmanager
def watched_loop(*, late_ms: int) -> Generator[None, None, None]:
    """Watch the running loop for the length of a block. If it is watched already, that watchdog's `late_ms` holds."""
    loop = asyncio.get_running_loop()
    with _lock:
        watched = _watched.get(loop)
        if watched is None:
            watched = _watched[loop] = _Watched(LoopWatchdog(late_ms=late_ms))
            watched.watchdog.start()
        watched.n_users += 1
    try:
        yield
    finally:
        with _lock:
            watched.n_users -= 1
            if watched.n_users == 0:
                watched.watchdog.stop()
                _watched.pop(loop, None)
