"""Sound that waits to be sent although its source gives it as it is heard: it would stay late for the rest of the call.

A program that stood still finds what its microphone heard meanwhile, and a microphone's clock may be faster than this
one. Files, and voices that are made faster than they are spoken, wait for another reason, and are sent as they are.
"""

from __future__ import annotations

from math import inf
from typing import Final

from duologue.audio.pacing import FRAME_MS
from duologue.audio.samples import to_samples

__all__ = ["Backlog"]

_WINDOW_MS: Final = 2000
"""Long enough that the pieces of a microphone, at most some 100 ms, do not matter to how much came."""

_LATE_MS: Final = 160
"""What always waits for so long is late: a listener notices 150 ms (ITU-T G.114)."""

_KEPT_MS: Final = 60
"""What may always wait: a piece of a microphone is longer than a frame, and not always in time."""

_AS_HEARD: Final = 0.1
"""How much faster or slower than it plays a source may give what it hears."""

_QUIET_PEAK: Final = 328
"""Of 32,768: -40 dB, between a quiet room and quiet speech."""


class Backlog:
    """How much of what waits is late. `drops` says whether a frame may be left out for that: one of a pause."""

    def __init__(self) -> None:
        self._came_ms = 0.0
        self._played_ms = 0
        self._least_ms = inf
        self._late_ms = 0.0

    def came(self, ms: float) -> None:
        """So much sound came."""
        self._came_ms += ms

    def played(self, waiting_ms: float) -> None:
        """A frame was played; so much waits behind it."""
        self._least_ms = min(self._least_ms, waiting_ms)
        self._played_ms += FRAME_MS
        if self._played_ms >= _WINDOW_MS:
            as_heard = abs(self._came_ms / self._played_ms - 1) <= _AS_HEARD
            self._late_ms = self._least_ms - _KEPT_MS if as_heard and self._least_ms > _LATE_MS else 0.0
            self._came_ms, self._played_ms, self._least_ms = 0.0, 0, inf

    def drops(self, frame: bytes) -> bool:
        """Whether to leave this frame out."""
        if self._late_ms < FRAME_MS:
            return False
        samples = to_samples(frame)
        if max(samples) > _QUIET_PEAK or min(samples) < -_QUIET_PEAK:
            return False
        self._late_ms -= FRAME_MS
        return True
