"""A transport that records what passes through another one."""

from __future__ import annotations

from duologue.recording.format import RecordingWriter
from duologue.transports import Transport

__all__ = ["RecordingTransport"]


class RecordingTransport:
    """Passes everything on, and records each message once it has been accepted or has arrived.

    The caller closes the writer, after the transport. When the writer fails, the session goes on: see its `failure`.
    """

    def __init__(self, transport: Transport, writer: RecordingWriter) -> None:
        self._transport = transport
        self._writer = writer

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message, then record it: one that was not accepted is not in the recording."""
        await self._transport.send(message)
        self._writer.write("sent", message)

    async def receive(self) -> str | bytes:
        """The next message, recorded. Cancelling loses nothing."""
        message = await self._transport.receive()
        self._writer.write("received", message)
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the transport; the recording stays open."""
        await self._transport.close(code, reason)
