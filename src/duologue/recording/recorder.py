"""A transport that records what passes through another one."""

from __future__ import annotations

from typing import Final, Protocol

from duologue.errors import ConnectionClosed
from duologue.recording.lines import ClosedBy, Direction, Side
from duologue.transports import Transport

__all__ = ["MessageLog", "RecordingTransport"]

_NO_CLOSE: Final = 1006
"""What a transport says where the connection broke: RFC 6455, section 7.4.1."""

_OTHER: Final[dict[Side, Side]] = {"client": "server", "server": "client"}


class MessageLog(Protocol):
    """What is told the messages of a connection: `RecordingWriter`, for one. Its methods return at once."""

    @property
    def side(self) -> Side:
        """The side whose messages are "sent"."""
        ...

    def write(self, direction: Direction, message: str | bytes, *, connection: int = 1) -> None:
        """A message has passed."""
        ...

    def closed(self, code: int, reason: str = "", *, by: ClosedBy, connection: int = 1) -> None:
        """The connection is over."""
        ...


class RecordingTransport:
    """Passes everything on, and records each message once it has been accepted or has arrived, and the close.

    The caller closes the writer, after the transport. When the writer fails, the session goes on: see its `failure`.
    """

    def __init__(self, transport: Transport, writer: MessageLog, *, connection: int = 1) -> None:
        """`connection` is its number where a recording has several."""
        self._transport = transport
        self._writer = writer
        self._connection = connection
        self._closing: tuple[int, str] | None = None
        """The close of this side."""
        self._is_over = False

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message, then record it: one that was not accepted is not in the recording."""
        await self._transport.send(message)
        self._writer.write("sent", message, connection=self._connection)

    async def receive(self) -> str | bytes:
        """The next message, recorded. Cancelling loses nothing."""
        try:
            message = await self._transport.receive()
        except ConnectionClosed as closed:
            self._ended(closed.code, closed.reason)
            raise
        self._writer.write("received", message, connection=self._connection)
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the transport; the recording stays open."""
        if self._closing is None:
            self._closing = (code, reason)
        try:
            await self._transport.close(code, reason)
        finally:
            self._ended(code, reason)

    def _ended(self, code: int, reason: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        own: Side = self._writer.side
        by: ClosedBy = "network" if code == _NO_CLOSE else _OTHER[own]
        if self._closing is not None:
            (code, reason), by = self._closing, own
        self._writer.closed(code, reason, by=by, connection=self._connection)
