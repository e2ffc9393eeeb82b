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
    begin_ms: float
    end_ms: float
    at_s: float
    is_sudden: bool
    """Whether it is longer than the time since the piece before: then its samples were not spoken just before."""


class InputClock:
    """Takes the pieces of a session's input audio. A piece is sent when its last sample was spoken."""

    def __init__(self) -> None:
        self.position_ms: float = 0.0
        """Of all audio so far."""
        self._pieces: deque[_Piece] = deque(maxlen=_REMEMBERED)

    def append(self, duration_ms: float, at_s: float) -> None:
        """A piece of audio passed."""
        before_s = self._pieces[-1].at_s if self._pieces else at_s
        begin_ms = self.position_ms
        self.position_ms += duration_ms
        is_sudden = _is_faster(duration_ms, at_s - before_s)
        self._pieces.append(_Piece(begin_ms, self.position_ms, at_s, is_sudden))

    def restart(self) -> None:
        """Another session begins, with audio of its own."""
        self.position_ms = 0.0
        self._pieces.clear()

    def spoken_at_s(self, position_ms: float) -> float | None:
        """When this position was spoken; None for a position that was not sent, or is too long ago."""
        found = self._at(position_ms)
        return None if found is None else found.at_s - (found.end_ms - position_ms) / 1000

    def is_paced(self, begin_ms: float, end_ms: float) -> bool:
        """Whether the audio between two positions was sent no faster than it was spoken.

        The first piece counts whole: much audio in one piece was sent at once.
        """
        end = self._at(end_ms)
        if end is None:
            return False
        for piece in reversed(self._pieces):
            if piece.begin_ms > end.begin_ms:
                continue
            if piece.begin_ms <= begin_ms:
                return not _is_faster(end.end_ms - piece.begin_ms, end.at_s - piece.at_s)
            if piece.is_sudden:
                return False
        return False

    def _at(self, position_ms: float) -> _Piece | None:
        """The piece that holds a position. Searched from the end: positions are those of the last turn."""
        found: _Piece | None = None
        for piece in reversed(self._pieces):
            if piece.end_ms < position_ms:
                return found
            found = piece
        # The oldest piece that is known may not be the first: what lies before it cannot be told.
        return found if len(self._pieces) < _REMEMBERED else None


def _is_faster(duration_ms: float, within_s: float) -> bool:
    """Whether so much audio, sent within this time, was sent faster than it was spoken."""
    return duration_ms > within_s * 1000 * _FASTER + _MARGIN_MS
