"""When a position in the user's audio was spoken: positions count all audio that was appended, times are the line's."""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct

__all__ = ["InputClock"]

_REMEMBERED: Final = 20_000
"""Pieces of audio: half an hour of 100 ms. The server names positions of the last turn."""

_FASTER: Final = 1.5
_MARGIN_MS: Final = 400
"""Audio that comes at 1.5 times its speed, and by more than jitter explains, was not sent as it was spoken."""


class _Piece(Struct):
    end_ms: float
    at_s: float


class InputClock:
    """Takes the pieces of a session's input audio. A piece is sent when its last sample was spoken."""

    def __init__(self) -> None:
        self.position_ms = 0.0
        """Of all audio so far."""
        self._pieces: deque[_Piece] = deque(maxlen=_REMEMBERED)

    def append(self, duration_ms: float, at_s: float) -> None:
        """A piece of audio passed."""
        self.position_ms += duration_ms
        self._pieces.append(_Piece(self.position_ms, at_s))

    def restart(self) -> None:
        """Another session begins, with audio of its own."""
        self.position_ms = 0.0
        self._pieces.clear()

    def spoken_at_s(self, position_ms: float) -> float | None:
        """When this position was spoken; None for a position that was not sent, or is too long ago."""
        found = self._at(position_ms)
        return None if found is None else found.at_s - (found.end_ms - position_ms) / 1000

    def is_paced(self, begin_ms: float, end_ms: float) -> bool:
        """Whether the audio between two positions was sent no faster than it was spoken."""
        begin, end = self._at(begin_ms), self._at(end_ms)
        if begin is None or end is None:
            return False
        return end.end_ms - begin.end_ms <= (end.at_s - begin.at_s) * 1000 * _FASTER + _MARGIN_MS

    def _at(self, position_ms: float) -> _Piece | None:
        """The piece that holds a position. Searched from the end: positions are those of the last turn."""
        found: _Piece | None = None
        for piece in reversed(self._pieces):
            if piece.end_ms < position_ms:
                return found
            found = piece
        # The oldest piece that is known may not be the first: what lies before it cannot be told.
        return found if len(self._pieces) < _REMEMBERED else None
