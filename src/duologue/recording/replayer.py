"""A transport that replays a recording: it returns the messages that were received."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, RecordingError
from duologue.recording.lines import ClosedLine, Frame
from duologue.recording.reader import RecordingReader

__all__ = ["ReplayTransport"]


class ReplayTransport:
    """Returns the received messages of a recording in order, whatever is sent; then it is closed.

    Of a recording of several connections it plays one, the first by default. It closes as the recording says that the
    peer or the network did, else with code 1000. With `paced` each message comes as long after the first `receive` as
    it came after the start of the recording, else without delay. The caller closes the reader.
    """

    def __init__(self, reader: RecordingReader, *, paced: bool = False, connection: int = 1) -> None:
        self._reader = reader
        self._connection = connection
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
            self._close_as(code, reason)
        self._closing.set()

    def _advance(self) -> None:
        try:
            for line in self._reader.lines():
                if isinstance(line, Frame | ClosedLine) and line.connection == self._connection:
                    if isinstance(line, Frame) and line.direction == "received":
                        self._next = line
                        return
                    if isinstance(line, ClosedLine) and line.by != self._reader.header.side:
                        self._close_as(line.code, line.reason)
                        return
        except RecordingError as fault:
            self._closed = ConnectionClosedError(1006, str(fault))
            self._closed.__cause__ = fault
        else:
            self._closed = ConnectionClosedOK(1000, "the recording is over")

    def _close_as(self, code: int, reason: str) -> None:
        kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
        self._closed = kind(code, reason)

    async def _until_due(self, at_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._started_s is None:
            self._started_s = now_s
        with suppress(TimeoutError):
            async with asyncio.timeout(self._started_s + at_s - now_s):
                await self._closing.wait()
