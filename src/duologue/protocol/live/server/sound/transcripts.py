"""Transcripts on a grid of 200 ms, each speaker on their own, as measured at the hosted service.

The deltas of a speaker, concatenated, are what that speaker said, with its spaces. Times never run backwards.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

__all__ = ["GRID_MS", "LEAD_MS", "MS_PER_CHARACTER", "InputTranscript", "OutputTranscript", "TranscriptCell"]

GRID_MS: Final = 200

LEAD_MS: Final = 600
"""How far the voice's words are ahead of their sound: measured are 650 to 750 ms, which are three cells at least."""

MS_PER_CHARACTER: Final = 65
"""Of a clause whose sound has not come: spoken English has about 15 characters a second."""

_WORD: Final = re.compile(
    r"\s*(?:[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)|\s+$"
)
"""With the space before it; in scripts without spaces, one character."""


class TranscriptCell(Struct, frozen=True):
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


class InputTranscript(_Grid):
    """What the user said: known when an utterance is over, and spread over its span."""

    def spread(self, text: str, start_ms: int, end_ms: int) -> list[TranscriptCell]:
        """The deltas of an utterance."""
        text = self._joined(text.strip())
        cells: dict[int, str] = {}
        for word, at in _words(text):
            cell = self._cell(start_ms + (end_ms - start_ms) * at / len(text))
            self._free_ms = cell
            cells[cell] = cells.get(cell, "") + word
        if cells:
            self._free_ms += GRID_MS
        return [TranscriptCell(delta, cell) for cell, delta in cells.items()]


class _Clause(Struct):
    """Words that are spoken in one go."""

    text: str
    sound_ms: int
    """When its sound begins."""
    not_before_ms: int
    """When its words became known."""
    ms_per_char: float = MS_PER_CHARACTER
    at: int = 0
    """Where the next word begins. Words that wait are not kept one by one: they would take fifty times their text."""

    @property
    def due_ms(self) -> float:
        """When the next word is due."""
        return max(self.sound_ms + self.at * self.ms_per_char - LEAD_MS, self.not_before_ms)

    def next_word(self) -> str:
        """The next word, with the space before it; empty at the end."""
        found = _WORD.match(self.text, self.at)
        word = found[0] if found is not None else ""
        self.at += len(word)
        return word


class OutputTranscript(_Grid):
    """What the voice says: known ahead of its sound, and sent shortly before it."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[_Clause] = deque()
        """Clauses with words whose time has not come."""
        self._clause: _Clause | None = None

    def begin(self, text: str) -> str:
        """The first words of a reply, with the space that separates them from the reply before."""
        return self._joined(text)

    def add(self, text: str, sound_ms: int, position_ms: int) -> None:
        """A clause, whose sound will be heard from `sound_ms` on."""
        if text:
            self._clause = _Clause(text, sound_ms, position_ms)
            self._waiting.append(self._clause)

    def fit(self, length_ms: int) -> None:
        """The sound of the last clause is as long as this, so its words are spread over it. One without sound, such as
        an emoji, is due at once: the words behind it would wait for a sound that never comes."""
        if self._clause is not None:
            self._clause.ms_per_char = length_ms / len(self._clause.text)
            self._clause = None

    def due(self, position_ms: int) -> list[TranscriptCell]:
        """The cells whose time has come."""
        cells: dict[int, list[str]] = {}
        while self._waiting:
            clause = self._waiting[0]
            cell = self._cell(clause.due_ms)
            if cell > position_ms:
                break
            if word := clause.next_word():
                self._free_ms = cell
                cells.setdefault(cell, []).append(word)
            else:
                self._waiting.popleft()
        if cells:
            self._free_ms += GRID_MS
        return [TranscriptCell("".join(words), cell) for cell, words in cells.items()]

    def rest(self) -> list[TranscriptCell]:
        """All words that wait, in one cell: their sound has been heard."""
        text = "".join(clause.text[clause.at :] for clause in self._waiting)
        self.cut()
        return [TranscriptCell(text, self._free_ms)] if text else []

    def cut(self) -> None:
        """The words that wait will not be said."""
        self._waiting.clear()
        self._clause = None


def _words(text: str) -> Iterator[tuple[str, int]]:
    """The words with their spaces, and where each begins."""
    for found in _WORD.finditer(text):
        yield found[0], found.start()
