"""State that several threads share, and waiting for what changes in it, which Ctrl-C cannot leave locked."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

__all__ = ["Monitor"]


class Monitor:
    """A lock, and waiting until what it guards has come to something.

    `threading.Condition` is written in Python: an interrupt between the moment at which it has its lock and the one at
    which its caller knows leaves the lock taken for ever. `with` over the interpreter's own lock has no such moment,
    and here nobody waits while having it.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._waiting: list[queue.SimpleQueue[None]] = []

    def changed(self) -> None:
        """Have all who wait look again. For whoever has the lock, after each change."""
        waiting, self._waiting = self._waiting, []
        for look_again in waiting:
            look_again.put(None)

    def when(self, attempt: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Make an attempt, with the lock, and another after each change, until one succeeds. False: none in time."""
        ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            with self.lock:
                if attempt():
                    return True
                look_again: queue.SimpleQueue[None] = queue.SimpleQueue()
                self._waiting.append(look_again)
            try:
                look_again.get(timeout=None if ends_at is None else max(0.0, ends_at - time.monotonic()))
            except queue.Empty:
                with self.lock:
                    self._waiting = [one for one in self._waiting if one is not look_again]
                    return attempt()
