"""Tells which code keeps an event loop from running: the usual reason for calls that stutter and sockets that die.

A thread asks the loop for a sign of life ten times a second, and looks at what the loop's thread is doing when the
sign is late.
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

from duologue.client.limits import LOOP_LAG_MS

__all__ = ["LoopWatchdog", "watched_loop"]

_logger = logging.getLogger(__name__)

_SHOWN_FRAMES: Final = 6
"""Of the stack, from the inside: who blocks, and who called it."""

_MOST_PLACES: Final = 100
"""A program that blocks in more functions has been told."""

_STANDARD_LIBRARY: Final = os.path.dirname(os.__file__)
_EVENT_LOOP: Final = os.path.dirname(asyncio.__file__)


class LoopWatchdog:
    """Watches the running loop from a thread until it is stopped. Logs a warning for each function, once."""

    def __init__(self, *, late_ms: int = LOOP_LAG_MS) -> None:
        self._late_s = late_ms / 1000
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._sign = threading.Event()
        self._stopped = threading.Event()
        self._told: set[CodeType] = set()
        self._thread = threading.Thread(target=self._watch, name="duologue-watchdog", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Have the thread end; it does so at once, and is not waited for."""
        self._stopped.set()
        self._sign.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._late_s / 2.5):
            self._sign.clear()
            try:
                self._loop.call_soon_threadsafe(self._sign.set)
            except RuntimeError:  # the loop is closed: nothing is left to watch
                return
            if self._stopped.is_set():
                return
            if not self._sign.wait(self._late_s):
                self._tell()
                self._sign.wait()  # one block is one report

    def _tell(self) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:
            return
        task = asyncio.current_task(self._loop)
        stack = _stack(frame)
        if _waits(stack):
            return  # it has come back this very moment
        place = next((each for each in stack if _is_own(each)), stack[0]).f_code
        if place in self._told or len(self._told) >= _MOST_PLACES:
            return
        self._told.add(place)
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
    """From the inside to what the event loop called; never empty."""
    stack = [innermost]
    while (frame := stack[-1].f_back) is not None and not frame.f_code.co_filename.startswith(_EVENT_LOOP):
        stack.append(frame)
    return stack


def _is_own(frame: FrameType) -> bool:
    """Whether this is code that somebody can change: the standard library only waits where it is told to."""
    name = frame.f_code.co_filename
    return not name.startswith(_STANDARD_LIBRARY) and "site-packages" not in name


def _waits(stack: list[FrameType]) -> bool:
    """Whether this is the loop itself, waiting for something to do."""
    innermost = stack[0].f_code.co_filename
    return innermost.startswith(_EVENT_LOOP) or (len(stack) == 1 and innermost == selectors.__file__)


class _Watched:
    """A loop's watchdog, and how many want it."""

    def __init__(self, watchdog: LoopWatchdog) -> None:
        self.watchdog = watchdog
        self.wanted_by = 0


_watched: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Watched]] = WeakKeyDictionary()
"""A loop has one watchdog, however many connections run on it: a thread for each would be the greater evil."""
_lock: Final = threading.Lock()


@contextmanager
def watched_loop(*, late_ms: int = LOOP_LAG_MS) -> Generator[None, None, None]:
    """Have the running loop watched for a block. Where it is watched already, that watchdog's `late_ms` holds."""
    loop = asyncio.get_running_loop()
    with _lock:
        watched = _watched.get(loop)
        if watched is None:
            watched = _watched[loop] = _Watched(LoopWatchdog(late_ms=late_ms))
            watched.watchdog.start()
        watched.wanted_by += 1
    try:
        yield
    finally:
        with _lock:
            watched.wanted_by -= 1
            if watched.wanted_by == 0:
                watched.watchdog.stop()
                _watched.pop(loop, None)
