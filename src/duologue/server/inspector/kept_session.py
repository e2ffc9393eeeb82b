"""One session that the inspector keeps, while it is open and afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from duologue.recording import ClosedLine, Direction, Header, RecordingLine
from duologue.server.inspector.kept_lines import KeptLines

__all__ = ["KeptSession"]


class KeptSession:
    """The tap of a session: keeps its lines, and wakes those who look at them."""

    def __init__(self, session_id: str, header: Header, *, max_bytes: int, changed: Callable[[], None]) -> None:
        """`changed` is called when the session is over."""
        self.session_id = session_id
        self.header = header
        self.lines = KeptLines(max_bytes=max_bytes)
        self.last_s = 0.0
        """The time of the last message."""
        self.closed: ClosedLine | None = None
        self.is_open = True
        self.is_kept = True
        """False: there are too many newer sessions. Nothing of it is kept any more."""
        self._changed = changed
        self._arrival: asyncio.Event | None = None

    # --- a tap

    def passed(self, at_s: float, direction: Direction, message: str | bytes, /) -> None:
        """Keep a message."""
        if self.is_kept:
            self.last_s = at_s
            self.lines.message(at_s, direction, message)
            if self._arrival is not None:
                self._wake()

    def told(self, line: RecordingLine, /) -> None:
        """Keep another line."""
        if self.is_kept:
            if isinstance(line, ClosedLine):
                self.closed, self.last_s = line, line.at_s
            self.lines.add(line)
            self._wake()

    def ended(self) -> None:
        """The session is over."""
        self.is_open = False
        self._wake()
        self._changed()

    # --- for the inspector

    def give_up(self) -> None:
        """Keep nothing any more."""
        self.is_kept = False
        self.lines = KeptLines(max_bytes=0)
        self._wake()

    async def arrival(self) -> None:
        """Wait for the next line, or the end."""
        if self._arrival is None:
            self._arrival = asyncio.Event()
        await self._arrival.wait()

    def row(self) -> dict[str, Any]:
        """What a list of sessions says about it, as JSON-ready data."""
        header, closed = self.header, self.closed
        return {
            "id": self.session_id,
            "started_at": header.started_at,
            "family": header.family,
            "model": header.model,
            "dialect": header.dialect,
            "subject": header.subject,
            "duration_s": round(self.last_s, 1),
            "lines": self.lines.end,
            "is_open": self.is_open,
            "closed": None if closed is None else {"code": closed.code, "reason": closed.reason, "by": closed.by},
        }

    def _wake(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.set()
