"""Groups deltas of text into lines: the server sends fragments, and never says that a sentence is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from duologue.protocol.translation.client.notices import TranslationLine, TranslationSide

__all__ = ["MAX_CHARACTERS", "PAUSE_MS", "LineGrouper"]

PAUSE_MS: Final = 1_500
"""Between two pieces: the speaker has paused, whatever the punctuation says."""

MAX_CHARACTERS: Final = 200
"""Two lines of subtitles on a wide screen; a longer sentence is cut between words."""

_SENTENCE_END: Final = re.compile(r"[.!?…][\"'”’)\]]{0,3}(?=\s)|[。！？][」』）]?")  # noqa: RUF001 - full-width
"""A full stop of the Latin script ends a sentence when a space follows it: 3.5 is a number."""


class LineGrouper:
    """The text of one side."""

    def __init__(self, side: TranslationSide) -> None:
        self._side: TranslationSide = side
        self._text = ""
        self._start_ms: int | None = None
        self._end_ms: int | None = None

    def add(self, text: str, elapsed_ms: int | None) -> Iterator[TranslationLine]:
        """Take the next piece; yields the lines that are complete."""
        is_late = elapsed_ms is not None and self._end_ms is not None and elapsed_ms - self._end_ms >= PAUSE_MS
        if is_late:
            yield from self.flush()
        if not self._text.strip():
            self._text, self._start_ms = "", elapsed_ms
        n_before, before_ms = len(self._text), self._end_ms
        self._text += text
        self._end_ms = elapsed_ms if elapsed_ms is not None else self._end_ms
        while (length := self._complete()) is not None:
            line, self._text = self._text[:length], self._text[length:]
            # The end of a sentence is known by what follows, which may be the piece after it.
            yield from self._line(line, before_ms if length <= n_before else self._end_ms)
            n_before, self._start_ms = 0, elapsed_ms

    def flush(self) -> Iterator[TranslationLine]:
        """Yields the rest as a line, if there is any."""
        line, self._text = self._text, ""
        yield from self._line(line, self._end_ms)
        self._start_ms = None

    def _complete(self) -> int | None:
        """The length of the first line that is complete."""
        sentence = _SENTENCE_END.search(self._text, 0, MAX_CHARACTERS)
        if sentence is not None:
            return sentence.end()
        if len(self._text) <= MAX_CHARACTERS:
            return None
        return self._text.rfind(" ", 1, MAX_CHARACTERS + 1) + 1 or MAX_CHARACTERS

    def _line(self, text: str, end_ms: int | None) -> Iterator[TranslationLine]:
        if text := text.strip():
            yield TranslationLine(side=self._side, text=text, start_ms=self._start_ms, end_ms=end_ms)
