"""Workers that say nothing: a process that was stopped, or hangs, looks alive to the system."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

__all__ = ["LOOK_S", "Silences", "Silent"]

LOOK_S: Final = 1.0
"""Between two looks."""

_QUIET_S: Final = 6.0
"""Three reports of figures, which come every two seconds: a worker without them gets no new connections."""

_HANGS_S: Final = 30.0
"""It is killed. No honest work keeps an event loop so long; a machine that swaps may do it for some seconds."""

_LATE_S: Final = 3.0
"""A look that is later than this says that the parent was stopped itself: what workers said meanwhile is unread."""


class Silent(Struct, frozen=True):
    """What a look has found; a worker is in neither, or in one of them."""

    quiet: frozenset[int]
    """They get nothing new until they say something."""
    hung: frozenset[int]
    """They are to be killed."""


class Silences:
    """When each worker has last said something. `now` is any clock in seconds."""

    def __init__(self) -> None:
        self._heard: dict[int, float] = {}
        self._looked: float | None = None

    def heard(self, worker: int, now: float) -> None:
        """A worker has said something."""
        self._heard[worker] = now

    def gone(self, worker: int) -> None:
        """A worker has ended."""
        self._heard.pop(worker, None)

    def look(self, now: float) -> Silent:
        """The workers that have been silent for too long. Call it every `LOOK_S`."""
        if self._looked is not None and now - self._looked > LOOK_S + _LATE_S:
            self._heard = dict.fromkeys(self._heard, now)
        self._looked = now
        hung = {each for each, heard in self._heard.items() if now - heard >= _HANGS_S}
        quiet = {each for each, heard in self._heard.items() if now - heard >= _QUIET_S}
        return Silent(frozenset(quiet - hung), frozenset(hung))
