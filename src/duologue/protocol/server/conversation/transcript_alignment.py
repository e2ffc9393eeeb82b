"""Alignment of a transcript with its audio: the words that remain when the audio is truncated."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from duologue.audio.formats import Encoding

__all__ = ["SpokenText"]

_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""Up to the next space; in scripts without spaces (Chinese, Japanese), one character."""

_MS_PER_CHARACTER: Final = 65
"""Estimates the length of a clause whose audio is incomplete: spoken English has about 15 characters a second."""


class _Clause(Struct):
    """Text from `start` to `end`, and the length of its audio so far."""

    start: int
    end: int | None
    """None: all of the text, because no clause was reported for the audio."""
    audio_bytes: int = 0


class SpokenText:
    """The text of one spoken item, and the lengths of its audio, clause by clause.

    Inside a clause the characters are assumed to be spread evenly. A word counts only once it has ended.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.text: str = ""
        self._encoding = encoding
        self._clauses: list[_Clause] = []
        self.ended = False
        """Whether the audio is complete."""

    def add_text(self, text: str) -> None:
        """Append to the text."""
        self.text += text

    def begin_clause(self, clause: str) -> None:
        """The audio that follows speaks this part of the text, which comes after the clause before."""
        reached = self._reached
        found = self.text.find(clause, reached)
        start = reached if found < 0 else found
        if self._clauses and self._clauses[-1].end is None:
            self._clauses[-1].end = start
        self._clauses.append(_Clause(start, len(self.text) if found < 0 else found + len(clause)))

    def add_audio(self, n_bytes: int) -> None:
        """The audio of the current clause is longer by `n_bytes`."""
        if not self._clauses:
            self._clauses.append(_Clause(0, None))
        self._clauses[-1].audio_bytes += n_bytes

    @property
    def audio_bytes(self) -> int:
        """Length of all audio so far."""
        return sum(clause.audio_bytes for clause in self._clauses)

    def words_until(self, audio_bytes: int) -> str:
        """The words that end within the first `audio_bytes` of audio."""
        if audio_bytes <= 0:
            return ""
        chars = 0
        for clause in self._clauses:
            length = self._length_bytes(clause)
            if not clause.audio_bytes:
                continue  # has no audio yet, or none at all
            if audio_bytes < length:
                chars = clause.start + int((self._end(clause) - clause.start) * audio_bytes / length)
                break
            audio_bytes -= length
            chars = self._end(clause)
        whole = 0
        for word in _WORD.finditer(self.text):
            if word.end() > chars:
                break
            whole = word.end()
        return self.text[:whole]

    @property
    def _reached(self) -> int:
        return self._clauses[-1].end or 0 if self._clauses else 0

    def _end(self, clause: _Clause) -> int:
        return len(self.text) if clause.end is None else clause.end

    def _length_bytes(self, clause: _Clause) -> int:
        """Length of the clause's whole audio; an estimate until it is complete."""
        if self.ended or clause is not self._clauses[-1]:
            return clause.audio_bytes
        expected_ms = (self._end(clause) - clause.start) * _MS_PER_CHARACTER
        return max(clause.audio_bytes, self._encoding.bytes_for_ms(expected_ms))
