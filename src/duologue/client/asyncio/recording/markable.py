"""The part of a conversation that notes moments in its recording."""

from __future__ import annotations

from typing import Protocol

from duologue.recording.lines import RecordingLine

__all__ = ["MarkTaker", "Markable"]


class MarkTaker(Protocol):
    """What keeps marks."""

    def mark(self, text: str) -> None:
        """Keep a mark of this moment."""
        ...

    @property
    def now_s(self) -> float:
        """Seconds since the start of the recording."""
        ...

    def write_line(self, line: RecordingLine) -> None:
        """Keep a line that is none of the session's: of the leg of a telephone call."""
        ...


class Markable:
    """Has `mark`, which does nothing while nothing is recorded."""

    _marks: MarkTaker | None = None

    @property
    def recorder(self) -> MarkTaker | None:
        """What writes the recording of `converse(record=…)`; None while nothing is recorded."""
        return self._marks

    def mark(self, text: str) -> None:
        """Note this moment, in the application's words, in the recording that `converse(record=…)` writes, if any."""
        if self._marks is not None:
            self._marks.mark(text)
