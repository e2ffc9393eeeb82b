"""Marks of moments."""

from __future__ import annotations

from duologue.client.asyncio.recording.markable import Markable
from duologue.recording import RecordingLine


def test_a_mark_goes_to_what_keeps_it_and_otherwise_nowhere() -> None:
    class Kept:
        def __init__(self) -> None:
            self.texts: list[str] = []

        now_s = 0.0

        def mark(self, text: str) -> None:
            self.texts.append(text)

        def write_line(self, line: RecordingLine) -> None:
            raise AssertionError("it is asked for marks alone")

    markable, kept = Markable(), Kept()
    markable.mark("lost")
    markable._marks = kept
    markable.mark("kept")
    assert kept.texts == ["kept"]
