"""When a worker that has died is started again."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_EARLY_DEATHS", "Restarts"]

MAX_EARLY_DEATHS: Final = 3
"""In a row, before readiness: the fourth would die of the same option, file or lack of memory."""

_FIRST_S: Final = 1.0
_LONGEST_S: Final = 30.0
"""Between two starts: loading engines takes the time of a core, which the other workers need."""

_STEADY_S: Final = 60.0
"""A worker that has served so long did not die of its start: the next one is started as after a first death."""


class Restarts:
    """The deaths of the workers in one place, one after another. `now` is any clock in seconds."""

    def __init__(self) -> None:
        self._deaths = 0
        self._early_deaths = 0
        self._ready_at: float | None = None

    @property
    def hopeless(self) -> bool:
        """Whether so many have died before they were ready that another start is of no use."""
        return self._early_deaths >= MAX_EARLY_DEATHS

    def ready(self, now: float) -> None:
        """The worker serves."""
        self._ready_at, self._early_deaths = now, 0

    def died(self, now: float) -> float:
        """The worker has died. Seconds until the next one is started."""
        if self._ready_at is None:
            self._early_deaths += 1
        elif now - self._ready_at >= _STEADY_S:
            self._deaths = 0
        self._ready_at = None
        self._deaths += 1
        return min(_LONGEST_S, _FIRST_S * float(2 ** min(self._deaths - 1, 10)))
