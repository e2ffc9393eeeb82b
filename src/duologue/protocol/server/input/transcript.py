"""One item's transcript as deltas, which never take a word back."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Transcript"]

_WORD: Final = re.compile(r"(?:(?<!\s)\s+)?\S+")


class Transcript:
    """Turns partial transcripts into deltas.

    A partial transcript is the whole text so far, and each can differ from the one before. Only what two in a row agree
    on becomes a delta, without the last word of the newer one, which the user may still be speaking. Where the final
    transcript contradicts the deltas, no more deltas follow; the `completed` event has the final text.
    """

    def __init__(self) -> None:
        self._sent = ""
        self._previous: list[str] = []
        self._final = ""

    def partial(self, text: str) -> str:
        """The delta after this partial transcript; "" for none."""
        words = _WORD.findall(text.strip())
        agreed = 0
        for word, other in zip(words[:-1], self._previous, strict=False):
            if word != other:
                break
            agreed += 1
        self._previous = words
        return self._delta("".join(words[:agreed]))

    def add(self, piece: str) -> str:
        """The delta after the next piece of the final transcript; "" for none."""
        self._final += piece
        return self._delta(self._final)

    def finish(self, transcript: str) -> str:
        """The last delta, when this is the final transcript; "" for none."""
        return self._delta(transcript)

    def _delta(self, text: str) -> str:
        if not text.startswith(self._sent):
            return ""
        delta = text[len(self._sent) :]
        self._sent = text
        return delta
