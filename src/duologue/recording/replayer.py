"""A transport that replays a recording: it returns the messages that were received."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, RecordingError
from duologue.recording.format import Frame, RecordingReader

__all__ = ["ReplayTransport"]


class ReplayTransport:
    """Returns the received messages of a recording in order, whatever is sent; then it is closed.

    With `paced` each message comes as long after the first `receive` as it came after the start of the recording, else
    without delay. The caller closes the reader.
    """

    def __init__(self, reader: RecordingReader, *, paced: bool = False) -> None:
        self._reader = reader
        self._paced = paced
        self._started_s: float | None = None
        self._next: Frame | None = None
        self._closing = asyncio.Event()
        self._closed: ConnectionClosed | None = None

    async def send(self, message: str | bytes, /) -> None:
        """Drop the message."""
        if self._closed is not None:
            raise self._closed

    async def receive(self) -> str | bytes:
        """The next message of the recording. A damaged line closes with code 1006 and a reason that names the line."""
        await asyncio.sleep(0)  # other tasks run, as they do with a socket
        if self._closed is None and self._next is None:
            self._advance()
        if self._next is not None and self._paced:
            await self._until_due(self._next.at_s)
        # Checked again: close() may have come while this waited.
        frame, self._next = self._next, None
        if self._closed is not None or frame is None:
            raise self._closed or ConnectionClosedOK(1000)
        return frame.message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; a `receive` that waits ends at once."""
        if self._closed is None:
            kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
            self._closed = kind(code, reason)
        self._closing.set()

    def _advance(self) -> None:
        try:
            self._next = next((frame for frame in self._reader if frame.direction == "received"), None)
        except RecordingError as fault:
            self._closed = ConnectionClosedError(1006, str(fault))
            self._closed.__cause__ = fault
        else:
            if self._next is None:
                self._closed = ConnectionClosedOK(1000, "the recording is over")

    async def _until_due(self, at_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._started_s is None:
            self._started_s = now_s
        with suppress(TimeoutError):
            async with asyncio.timeout(self._started_s + at_s - now_s):
                await self._closing.wait()
