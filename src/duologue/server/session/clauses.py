"""Cuts a stream of text where a speaker would breathe, so that speech can start before the answer is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["Clauses"]

_SENTENCE_END: Final = re.compile(r"[.!?…][\"')\]]*\s+|\n+")
_CLAUSE_END: Final = re.compile(r"[,;:—][\"')\]]*\s+")

_MIN_CLAUSE_CHARS: Final = 25
"""A shorter clause is spoken with what follows: half-second snippets sound chopped."""


_MAX_CLAUSE_CHARS: Final = 250
"""Longer than any breath, about 15 seconds: text without punctuation is cut between words, not saved up to its end."""


class Clauses:
    """Collects pieces of text; yields sentences, and of a long sentence the clauses."""

    def __init__(self) -> None:
        self._text = ""

    def add(self, piece: str) -> Iterator[str]:
        """More text; yields every clause that it completes. Takes time by the length of the piece alone."""
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
        """What is left at the end."""
        text, self._text = self._text.strip(), ""
        if text:
            yield text

    def _cut(self, start: int) -> int | None:
        """Where the clause that begins here ends; None if that is still to come."""
        longest = min(len(self._text), start + _MAX_CLAUSE_CHARS + 1)
        sentence = _SENTENCE_END.search(self._text, start, longest)
        clause = _CLAUSE_END.search(self._text, start + _MIN_CLAUSE_CHARS, longest)
        ends = [found.end() for found in (sentence, clause) if found is not None]
        if not ends and len(self._text) - start > _MAX_CLAUSE_CHARS:
            return self._text.rfind(" ", start, longest) + 1 or longest
        return min(ends) if ends else None
