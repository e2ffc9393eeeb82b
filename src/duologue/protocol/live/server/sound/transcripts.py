"""Transcripts on a grid of 200 ms, each speaker on their own, as measured at the hosted service.

The deltas of a speaker, concatenated, are what that speaker said, with its spaces. Times never run backwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

__all__ = ["GRID_MS", "LEAD_MS", "MS_PER_CHARACTER", "SpokenTranscript", "TranscriptDelta", "UserTranscript"]

GRID_MS: Final = 200

LEAD_MS: Final = 600
"""How far the voice's words are ahead of their sound: measured are 650 to 750 ms, which are three cells at least."""

MS_PER_CHARACTER: Final = 65
"""Of a clause whose sound has not come: spoken English has about 15 characters a second."""

_WORD: Final = re.compile(
    r"\s*(?:[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)|\s+$"
)
"""With the space before it; in scripts without spaces, one character."""


class TranscriptDelta(Struct, frozen=True):
    """A piece of a transcript, and its cell of the grid."""

    delta: str
    start_ms: int

    @property
    def end_ms(self) -> int:
        """The end of the cell."""
        return self.start_ms + GRID_MS


class _Grid:
    """The cells of one speaker."""

    def __init__(self) -> None:
        self._free_ms = 0
        """The first cell that may be used."""
        self._begun = False

    def _joined(self, text: str) -> str:
        """An utterance, with the space that separates it from the one before."""
        separated = text if not self._begun or text[:1].isspace() else f" {text}"
        self._begun = self._begun or bool(text)
        return separated

    def _cell(self, at_ms: float) -> int:
        return max(self._free_ms, int(at_ms) // GRID_MS * GRID_MS)


class UserTranscript(_Grid):
    """What the user said: known when an utterance is over, and spread over its span."""

    def spread(self, text: str, start_ms: int, end_ms: int) -> list[TranscriptDelta]:
        """The deltas of an utterance."""
        text = self._joined(text.strip())
        cells: dict[int, str] = {}
        for word, at in _words(text):
            cell = self._cell(start_ms + (end_ms - start_ms) * at / len(text))
            self._free_ms = cell
            cells[cell] = cells.get(cell, "") + word
        if cells:
            self._free_ms += GRID_MS
        return [TranscriptDelta(delta, cell) for cell, delta in cells.items()]


class SpokenTranscript(_Grid):
    """What the voice says: known ahead of its sound, and sent shortly before it."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[int, str] = {}
        """Cells whose time has not come, in order."""
        self._sent_ms = 0
        """The end of the last cell that was sent."""

    def begin(self, text: str) -> str:
        """The first words of a reply, with the space that separates them from the reply before."""
        return self._joined(text)

    def add(self, text: str, sound_ms: int, position_ms: int) -> None:
        """Words whose sound will be heard from `sound_ms` on."""
        for word, at in _words(text):
            cell = self._cell(max(sound_ms + at * MS_PER_CHARACTER - LEAD_MS, position_ms))
            self._free_ms = cell
            self._waiting[cell] = self._waiting.get(cell, "") + word

    def due(self, position_ms: int) -> list[TranscriptDelta]:
        """The deltas whose time has come."""
        due = [TranscriptDelta(delta, cell) for cell, delta in self._waiting.items() if cell <= position_ms]
        for delta in due:
            del self._waiting[delta.start_ms]
            self._sent_ms = delta.end_ms
        self._free_ms = max(self._free_ms, self._sent_ms)
        return due

    def rest(self) -> list[TranscriptDelta]:
        """All deltas that wait: the session ends, and their sound has been heard."""
        return self.due(max(self._waiting, default=0))

    def cut(self, position_ms: int) -> None:
        """The words that wait will not be said, so their cells are free again."""
        self._waiting.clear()
        self._free_ms = max(self._sent_ms, position_ms // GRID_MS * GRID_MS)


def _words(text: str) -> Iterator[tuple[str, int]]:
    """The words with their spaces, and where each begins."""
    for found in _WORD.finditer(text):
        yield found[0], found.start()
