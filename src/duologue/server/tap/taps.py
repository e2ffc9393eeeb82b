"""What a tap is."""

from __future__ import annotations

from typing import Protocol

from duologue.recording import Direction, Header, RecordingLine

__all__ = ["SessionTap", "Tap"]


class SessionTap(Protocol):
    """Is told what one session sends and receives, keys and words included. Its methods are called on the event loop:
    they return at once and raise nothing. Times are seconds since the header's `started_at`."""

    def passed(self, at_s: float, direction: Direction, message: str | bytes, /) -> None:
        """A message was sent or received by the server."""
        ...

    def told(self, line: RecordingLine, /) -> None:
        """What no message says: the close of the connection, and when engines work."""
        ...

    def ended(self) -> None:
        """The session is over; nothing comes after it."""
        ...


class Tap(Protocol):
    """Is told all sessions of a server."""

    def opened(self, session_id: str, header: Header, /) -> SessionTap | None:
        """A session begins; returns its tap, or None to be told nothing of it."""
        ...
