"""Which words a stretch of speech has said: what is left of a transcript when the audio is cut."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from duologue.audio.formats import Encoding

__all__ = ["SpokenText"]

_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""Up to the next space; in scripts that write none, one sign."""

_MS_PER_CHARACTER: Final = 65
"""Of a clause that is still being spoken the length is unknown: English read aloud is about 15 characters a second."""


class _Clause(Struct):
    """Text from `start` to `end`, and as much audio as there is of it so far."""

    start: int
    end: int | None
    """None: all the text there is, because nobody said what the audio speaks."""
    audio_bytes: int = 0


class SpokenText:
    """The text of one spoken item, and the audio that speaks it, clause by clause.

    Inside a clause words are taken to be spread evenly, and a word that is not over does not count: what is said to
    have been heard was heard.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.text = ""
        self._encoding = encoding
        self._clauses: list[_Clause] = []
        self.ended = False
        """No audio follows."""

    def add_text(self, text: str) -> None:
        """The text goes on."""
        self.text += text

    def begin_clause(self, clause: str) -> None:
        """The audio that comes next speaks this part of the text, which follows the clause before."""
        reached = self._reached
        found = self.text.find(clause, reached)
        start = reached if found < 0 else found
        if self._clauses and self._clauses[-1].end is None:
            self._clauses[-1].end = start
        self._clauses.append(_Clause(start, len(self.text) if found < 0 else found + len(clause)))

    def add_audio(self, n_bytes: int) -> None:
        """The clause under way sounds this much longer."""
        if not self._clauses:
            self._clauses.append(_Clause(0, None))
        self._clauses[-1].audio_bytes += n_bytes

    def end(self) -> None:
        """No audio follows."""
        self.ended = True

    @property
    def audio_bytes(self) -> int:
        """All audio so far."""
        return sum(clause.audio_bytes for clause in self._clauses)

    def heard(self, audio_bytes: int) -> str:
        """The words that the first `audio_bytes` say to their end."""
        if audio_bytes <= 0:
            return ""
        told = 0
        for clause in self._clauses:
            length = self._length_bytes(clause)
            if not clause.audio_bytes:
                continue  # not begun, or without a sound: then it was passed when the next one is heard
            if audio_bytes < length:
                told = clause.start + int((self._end(clause) - clause.start) * audio_bytes / length)
                break
            audio_bytes -= length
            told = self._end(clause)
        whole = 0
        for word in _WORD.finditer(self.text):
            if word.end() > told:
                break
            whole = word.end()
        return self.text[:whole]

    @property
    def _reached(self) -> int:
        return self._clauses[-1].end or 0 if self._clauses else 0

    def _end(self, clause: _Clause) -> int:
        return len(self.text) if clause.end is None else clause.end

    def _length_bytes(self, clause: _Clause) -> int:
        """How long the clause sounds when all of it is there."""
        if self.ended or clause is not self._clauses[-1]:
            return clause.audio_bytes
        expected_ms = (self._end(clause) - clause.start) * _MS_PER_CHARACTER
        return max(clause.audio_bytes, self._encoding.bytes_for_ms(expected_ms))
