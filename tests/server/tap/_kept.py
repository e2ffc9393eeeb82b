"""A tap that keeps what it is told."""

from __future__ import annotations

from duologue.recording import Direction, Header, RecordingLine


class Kept:
    """The tap of a server with one session, and that session's."""

    def __init__(self) -> None:
        self.session_ids: list[str] = []
        self.headers: list[Header] = []
        self.messages: list[tuple[Direction, str | bytes]] = []
        self.times: list[float] = []
        self.lines: list[RecordingLine] = []
        self.ends = 0

    def opened(self, session_id: str, header: Header, /) -> Kept:
        self.session_ids.append(session_id)
        self.headers.append(header)
        return self

    def passed(self, at_s: float, direction: Direction, message: str | bytes, /) -> None:
        assert not self.ends
        self.times.append(at_s)
        self.messages.append((direction, message))

    def told(self, line: RecordingLine, /) -> None:
        assert not self.ends
        self.lines.append(line)

    def ended(self) -> None:
        self.ends += 1
