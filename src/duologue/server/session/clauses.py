"""Splits a stream of text into clauses, so that speech can start before the response is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["Clauses"]

_SENTENCE_END: Final = re.compile(r"[.!?…][\"')\]]*\s+|\n+")
_CLAUSE_END: Final = re.compile(r"[,;:—][\"')\]]*\s+")

_MIN_CLAUSE_CHARS: Final = 25
"""A shorter clause is spoken with what follows: pieces of half a second sound chopped."""

_MAX_CLAUSE_CHARS: Final = 250
"""About 15 s of speech. Text without punctuation is cut between words at this length, so that speech can start."""


class Clauses:
    """Collects pieces of text; yields sentences, and the clauses of long sentences."""

    def __init__(self) -> None:
        self._text = ""

    def add(self, piece: str) -> Iterator[str]:
        """Add text; yields the clauses that it completes. Takes time linear in the length of the piece."""
        self._text += piece
        start = 0
        try:
            while (end := self._cut(start)) is not None:
                clause, start = self._text[start:end].strip(), end
                if clause:
                    yield clause
        finally:
            self._text = self._text[start:]

    def rest(self) -> Iterator[str]:
        """The rest, at the end of the text."""
        text, self._text = self._text.strip(), ""
        if text:
            yield text

    def _cut(self, start: int) -> int | None:
        """The end of the clause that begins here; None if it is not complete."""
        longest = min(len(self._text), start + _MAX_CLAUSE_CHARS + 1)
        sentence = _SENTENCE_END.search(self._text, start, longest)
        clause = _CLAUSE_END.search(self._text, start + _MIN_CLAUSE_CHARS, longest)
        ends = [found.end() for found in (sentence, clause) if found is not None]
        if not ends and len(self._text) - start > _MAX_CLAUSE_CHARS:
            return self._text.rfind(" ", start, longest) + 1 or longest
        return min(ends) if ends else None
