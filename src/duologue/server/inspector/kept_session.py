"""One session that the inspector keeps, while it is open and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duologue.recording import ClosedLine, Header, RecordingLine
from duologue.recording.lines import Direction
from duologue.server.inspector.kept_lines import KeptLines

__all__ = ["KeptSession"]


class KeptSession:
    """The tap of a session. Those who look at it ask for what is new: nothing wakes them."""

    def __init__(self, session_id: str, header: Header, lines: KeptLines, *, changed: Callable[[], None]) -> None:
        """`changed` is called when the session is over."""
        self.session_id = session_id
        self.header = header
        self.lines = lines
        self.closed: ClosedLine | None = None
        self.is_open: bool = True
        self.is_kept: bool = True
        """False: there are too many newer sessions. Nothing of it is kept any more."""
        self._changed = changed
        self.passed: Callable[[float, Direction, str | bytes], None] = lines.message
        """Of a tap. Messages come by the thousand, so nothing stands between."""

    def told(self, line: RecordingLine, /) -> None:
        """Keep another line."""
        if isinstance(line, ClosedLine):
            self.closed = line
        self.lines.add(line)

    def ended(self) -> None:
        """The session is over."""
        self.is_open = False
        self._changed()

    def give_up(self) -> None:
        """Keep nothing any more."""
        self.is_kept = False
        self.lines.max_bytes = 0
        self.lines.shrink()

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
            "medium": header.medium,
            "duration_s": round(self.lines.last_s, 1),
            "lines": self.lines.end,
            "is_open": self.is_open,
            "closed": None if closed is None else {"code": closed.code, "reason": closed.reason, "by": closed.by},
        }
