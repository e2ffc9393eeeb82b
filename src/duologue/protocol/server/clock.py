"""The time of what is being carried out, as the shell told it."""

from __future__ import annotations

__all__ = ["Clock"]


class Clock:
    """Any clock in seconds that does not go backwards; it moves when a verb of the protocol says what time it is."""

    def __init__(self, now: float) -> None:
        self.now = now

    def moved_to(self, now: float) -> None:
        """It is `now`. An earlier time than the last one changes nothing: what has happened has happened."""
        self.now = max(self.now, now)
