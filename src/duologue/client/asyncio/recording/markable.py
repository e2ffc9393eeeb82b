"""The part of a conversation that notes moments in its recording."""

from __future__ import annotations

from typing import Protocol

__all__ = ["MarkTaker", "Markable"]


class MarkTaker(Protocol):
    """What keeps marks."""

    def mark(self, text: str) -> None:
        """Keep a mark of this moment."""
        ...


class Markable:
    """Has `mark`, which does nothing while nothing is recorded."""

    _marks: MarkTaker | None = None

    def mark(self, text: str) -> None:
        """Note this moment, in the application's words, in the recording that `converse(record=…)` writes, if any."""
        if self._marks is not None:
            self._marks.mark(text)
