"""One item's transcript as the client hears it: piece by piece, and never taking a word back."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Transcript"]

_WORD: Final = re.compile(r"(?:(?<!\s)\s+)?\S+")


class Transcript:
    """Turns guesses at what is being said into deltas.

    A guess is the whole transcript so far, and each new one may differ from the last. Told is only what two in a row
    agree on, without the last word of the newer one, which may still be in the middle of being spoken. Where the final
    transcript contradicts what was told, no further delta comes: what `completed` says is the truth.
    """

    def __init__(self) -> None:
        self._told = ""
        self._guess: list[str] = []
        self._final = ""

    def guess(self, text: str) -> str:
        """What can be told after this guess; empty if nothing can."""
        words = _WORD.findall(text.strip())
        agreed = 0
        for word, other in zip(words[:-1], self._guess, strict=False):
            if word != other:
                break
            agreed += 1
        self._guess = words
        return self._tell("".join(words[:agreed]))

    def add(self, piece: str) -> str:
        """What can be told after the next piece of the final transcript."""
        self._final += piece
        return self._tell(self._final)

    def finish(self, transcript: str) -> str:
        """What is still to be told when this is the transcript."""
        return self._tell(transcript)

    def _tell(self, text: str) -> str:
        if not text.startswith(self._told):
            return ""
        delta = text[len(self._told) :]
        self._told = text
        return delta
