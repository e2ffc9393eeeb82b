"""When what was sent arrives, on a line that is slow."""

from __future__ import annotations

import math
from random import Random

__all__ = ["Delays"]


class Delays:
    """The due times of one direction, in order. All times are of one clock, in seconds."""

    def __init__(self, chance: Random) -> None:
        self.latency_s: float = 0.0
        self.jitter_s: float = 0.0
        self.bytes_per_s: float = math.inf
        self._chance = chance
        self._held_until = -math.inf
        self._free_at = -math.inf
        """When all before is through the line."""
        self._last_due = -math.inf

    def use_chance(self, chance: Random) -> None:
        """Take the jitter from this chance from now on."""
        self._chance = chance

    @property
    def is_slow(self) -> bool:
        """Whether anything arrives later than at once."""
        return (
            self.latency_s > 0
            or self.jitter_s > 0
            or self.bytes_per_s < math.inf
            or self._held_until > -math.inf
            or self._last_due > -math.inf
        )

    def hold_until(self, at: float) -> None:
        """Nothing more arrives before this."""
        self._held_until = max(self._held_until, at)

    def due_at(self, size_bytes: int, now: float) -> float:
        """When something of this size, sent now, arrives."""
        through = now
        if self.bytes_per_s < math.inf:
            through = self._free_at = max(self._free_at, now) + size_bytes / self.bytes_per_s
        late_s = self.latency_s + (self._chance.uniform(0, self.jitter_s) if self.jitter_s else 0.0)
        due = max(through + late_s, self._held_until, self._last_due)
        if due <= now:
            self._held_until = self._last_due = -math.inf
        else:
            self._last_due = due
        return due
