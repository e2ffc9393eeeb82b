"""A recording of what a client of a faulty line sends and gets."""

from __future__ import annotations

from duologue.recording import ClosedBy, RecordingWriter, Side

__all__ = ["RecordedLine"]


class RecordedLine:
    """Writes a recording of the client's side: what it sent, what came to it, and how its connection ended."""

    def __init__(self, writer: RecordingWriter, connection: int) -> None:
        self._writer = writer
        self._connection = connection

    def passed(self, sender: Side, message: str | bytes, /) -> None:
        """A message was taken from the client, or given to it."""
        self._writer.write("sent" if sender == "client" else "received", message, connection=self._connection)

    def ended(self, code: int, reason: str, by: ClosedBy, /) -> None:
        """The client's connection is over."""
        self._writer.closed(code, reason, by=by, connection=self._connection)
