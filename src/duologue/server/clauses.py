"""Cuts a stream of text where a speaker would breathe, so that speech can start before the answer is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["Clauses"]

_SENTENCE_END: Final = re.compile(r"[.!?…][\"')\]]*\s+|\n+")
_CLAUSE_END: Final = re.compile(r"[,;:—][\"')\]]*\s+")

_LEAST_CLAUSE_CHARS: Final = 25
"""A shorter clause is spoken with what follows: half-second snippets sound chopped."""


_MOST_CLAUSE_CHARS: Final = 250
"""Longer than any breath, about 15 seconds: text without punctuation is cut between words, not saved up to its end."""


class Clauses:
    """Collects pieces of text; yields sentences, and of a long sentence the clauses."""

    def __init__(self) -> None:
        self._text = ""

    def add(self, piece: str) -> Iterator[str]:
        """More text; yields every clause that it completes."""
        self._text += piece
        while (end := self._cut()) is not None:
            clause, self._text = self._text[:end], self._text[end:]
            if clause.strip():
                yield clause.strip()

    def rest(self) -> Iterator[str]:
        """What is left at the end."""
        text, self._text = self._text.strip(), ""
        if text:
            yield text

    def _cut(self) -> int | None:
        sentence = _SENTENCE_END.search(self._text)
        clause = _CLAUSE_END.search(self._text, _LEAST_CLAUSE_CHARS)
        ends = [found.end() for found in (sentence, clause) if found is not None]
        if not ends and len(self._text) > _MOST_CLAUSE_CHARS:
            return self._text.rfind(" ") + 1 or len(self._text)
        return min(ends) if ends else None
