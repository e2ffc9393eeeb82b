"""The time of a Live session: it advances with the input audio, and places the pieces of the output."""

from __future__ import annotations

from math import inf
from typing import Final

from duologue.audio.formats import Encoding
from duologue.audio.pacing import silence

__all__ = ["InputTimeline", "OutputTimeline"]

_LATE_S: Final = 0.3
"""How late a microphone may be before silence takes its place: packets on a bad line come so late."""

_MAX_FILL_S: Final = 1.0
"""Silence that is sent at a time: after a longer standstill of the program the rest follows, piece by piece."""

_OVERLAP_MS: Final = 20
"""Times are rounded: a piece may begin this much before the end of the one before."""


class InputTimeline:
    """How far the session's time has come, by the audio that was sent; `now` is a clock in seconds."""

    def __init__(self, encoding: Encoding, *, stall_after_s: float, fills: bool) -> None:
        self._encoding = encoding
        self._stall_after_s = stall_after_s
        self._fills = fills
        self._sent_bytes = 0
        self._began_at: float | None = None
        self._last_at = 0.0
        self._is_stalled = False

    @property
    def position_ms(self) -> int:
        """Milliseconds of audio that were sent."""
        return self._encoding.duration_ms(self._sent_bytes)

    @property
    def next_tick_at(self) -> float:
        """When `stalled` or `fill` has something to say."""
        if self._began_at is None:
            return inf
        if self._fills:
            return self._began_at + self._sent_s + _LATE_S
        return inf if self._is_stalled else self._last_at + self._stall_after_s

    def began(self, now: float) -> None:
        """The session runs: from now on the time should advance."""
        self._began_at = self._last_at = now

    def set_filling(self, fills: bool, now: float) -> None:
        """Whether silence is filled in from now on; a standstill before that is not made up for."""
        self._fills = fills
        if self._began_at is not None:
            self._began_at, self._last_at = now - self._sent_s, now

    def sent(self, n_bytes: int, now: float) -> None:
        """Audio was sent."""
        self._sent_bytes += n_bytes
        self._last_at = now
        self._is_stalled = False

    def stalled(self, now: float) -> bool:
        """Whether a standstill has just been found; once for each."""
        if self._began_at is None or self._is_stalled or self._fills or now < self._last_at + self._stall_after_s:
            return False
        self._is_stalled = True
        return True

    def fill(self, now: float) -> bytes:
        """Silence to send in place of audio that did not come; nothing if it is not filled, or not late."""
        if not self._fills or self._began_at is None:
            return b""
        # The same sum as in `next_tick_at`: a rounded difference could call for a tick that does nothing.
        if now < self._began_at + self._sent_s + _LATE_S:
            return b""
        late_s = now - self._began_at - self._sent_s
        n_bytes = self._encoding.bytes_for_ms(int(min(late_s, _MAX_FILL_S) * 1000))
        return silence(self._encoding, n_bytes)

    @property
    def _sent_s(self) -> float:
        return self._sent_bytes / self._encoding.bytes_per_s


class OutputTimeline:
    """Where each piece of the model's sound belongs."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._end_bytes = 0

    def placed(self, n_bytes: int, start_ms: int | None) -> tuple[int, int]:
        """The begin of the next piece, and the time without sound before it, in milliseconds.

        A server that names the begin leaves out silence, or pieces. One that does not sends everything, so the piece
        belongs behind the one before.
        """
        end_ms = self._encoding.duration_ms(self._end_bytes)
        begin_ms = end_ms
        if start_ms is not None and (start_ms > end_ms or start_ms < end_ms - _OVERLAP_MS):
            begin_ms = start_ms
            self._end_bytes = self._encoding.bytes_for_ms(start_ms)
        self._end_bytes += n_bytes
        return begin_ms, max(0, begin_ms - end_ms)
