"""How many words of a transcript are wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["words_of", "wrong_words"]


def words_of(text: str) -> list[str]:
    """The words, without case and punctuation."""
    return re.sub(r"[^a-z ]", "", re.sub(r"\bmr\b", "mister", text.lower().replace("-", " "))).split()


def wrong_words(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Words to change, leave out or put in."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(expected, 1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]
