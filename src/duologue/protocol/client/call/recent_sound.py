"""The sound of a call's track, between the speeches of the model: what of it may belong to the next one."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

from duologue.audio.samples import to_samples

__all__ = ["RecentSound"]

_QUIET_PEAK: Final = 64
"""Of 32,768: -54 dB. What decoders make of silence is a few units."""

_KEPT_FRAMES: Final = 50
"""Sound that came before the event that says whose it is, one second: a lost packet of the data channel is sent again
within that time, and sound does not wait for it."""

_LEAD_FRAMES: Final = 2
"""Of the silence before a speech, as a reserve for the player: 40 ms, because it gets the rest as it is played."""


class RecentSound:
    """The latest sound of one call. Frames are 20 ms of 16-bit PCM; `now` is any clock in seconds."""

    def __init__(self) -> None:
        self.n_quiet: int = 0
        """Frames of silence up to now."""
        self.sounded_at: float = -inf
        """When something was heard last."""
        self._kept: deque[tuple[bytes, bool]] = deque(maxlen=_KEPT_FRAMES)
        self._belongs_to_none = False

    def add(self, frame: bytes, *, now: float) -> bool:
        """The next frame. Whether something is heard in it."""
        samples = to_samples(frame)
        is_quiet = max(samples, default=0) <= _QUIET_PEAK and min(samples, default=0) >= -_QUIET_PEAK
        self.n_quiet = self.n_quiet + 1 if is_quiet else 0
        if not is_quiet:
            self.sounded_at = now
        self._belongs_to_none = self._belongs_to_none and not is_quiet
        if not self._belongs_to_none:
            self._kept.append((frame, is_quiet))
        return not is_quiet

    def take_beginning(self) -> bytes:
        """The beginning of a speech that has begun by now: its sound so far, or the end of the silence before it."""
        kept, quiet = [frame for frame, _ in self._kept], [is_quiet for _, is_quiet in self._kept]
        self._kept.clear()
        first = quiet.index(False) if False in quiet else len(kept)
        return b"".join(kept[max(0, first - _LEAD_FRAMES) :])

    def forget(self, *, in_flight: bool = False) -> None:
        """A speech has ended; `in_flight`, it was broken off, and what still comes of it belongs to none."""
        self._kept.clear()
        self._belongs_to_none = in_flight
