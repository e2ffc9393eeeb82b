"""The thread that writes recordings: neither a slow disk nor the work on a line may keep the sessions waiting.

Lines are gathered for a moment and then written in one piece, since a thread that gives up the interpreter's lock for
every line gets it back only when the event loop rests. What passed in that moment is lost if the process is killed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Final, Protocol, TypeAlias

from duologue.recording import Direction, RecordingLine

__all__ = ["Passed", "WritingThread", "Written"]

_GATHER_S: Final = 0.5
"""What a killed process loses at most, in time; a call is written in two pieces a second."""

_MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""Of messages that wait for the disk: two seconds of 250 calls, each with 128 kB/s."""

_LINE_BYTES: Final = 200
"""Of a line beside its message."""

_STOP_S: Final = 5.0
"""How long the last lines may take when the server stops; a disk that hangs must not keep it."""

Passed: TypeAlias = tuple[float, Direction, str | bytes]
"""A message: its time, its direction, and itself."""


class Written(Protocol):
    """A recording, for the thread that writes it."""

    def take(self, line: Passed | RecordingLine | None, /) -> None:
        """The next line, in the thread; None: there are no more."""
        ...

    def write_out(self) -> None:
        """Write what was taken, in the thread."""
        ...


class WritingThread:
    """Writes lines of any number of recordings, in their order."""

    def __init__(self, *, gather_s: float = _GATHER_S, max_waiting_bytes: int = _MAX_WAITING_BYTES) -> None:
        self._gather_s = gather_s
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting: deque[tuple[Written, Passed | RecordingLine | None, int]] = deque()
        self._put_bytes = 0
        """Counted by the event loop alone."""
        self._taken_bytes = 0
        """Counted by the thread alone, so that neither needs a lock."""
        self._wanted = threading.Event()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._hurry.clear()
        # A daemon: a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
        self._thread.start()

    async def stop(self) -> bool:
        """Have everything written that was put; returns whether that was done in time. Cancelling gives it up."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._hurry.set()
        self._wanted.set()
        await asyncio.to_thread(thread.join, _STOP_S)
        return not thread.is_alive()

    def put(self, recording: Written, line: Passed | RecordingLine | None, *, n_bytes: int = 0) -> bool:
        """Have a line written; `n_bytes` is the length of its message. False: too much waits, and it is not taken.

        The end of a recording is always taken.
        """
        if line is not None and self._put_bytes - self._taken_bytes > self._max_waiting_bytes:
            return False
        self._put_bytes += n_bytes + _LINE_BYTES
        self._waiting.append((recording, line, n_bytes + _LINE_BYTES))
        if not self._wanted.is_set():
            self._wanted.set()
        return True

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            is_last = self._hurry.wait(self._gather_s)
            self._wanted.clear()
            self._write_out()
            if is_last:
                return

    def _write_out(self) -> None:
        touched: dict[Written, None] = {}
        for _ in range(len(self._waiting)):
            recording, line, n_bytes = self._waiting.popleft()
            self._taken_bytes += n_bytes
            recording.take(line)
            touched[recording] = None
        for recording in touched:
            recording.write_out()
