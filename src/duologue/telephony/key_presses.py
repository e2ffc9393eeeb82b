"""Keys that the caller presses, as one word: until `#`, or until the caller pauses."""

from __future__ import annotations

from math import inf
from typing import Final

__all__ = ["KeyPresses"]

_PAUSE_S: Final = 2.0
"""A caller who types goes on within it."""

_MOST_KEYS: Final = 64
"""Longer than any number that is typed; more begin another word."""


class KeyPresses:
    """Collects keys. `now` is any clock in seconds that does not go backwards."""

    def __init__(self) -> None:
        self._keys = ""
        self._over_at = inf

    @property
    def next_tick_at(self) -> float:
        """When the caller has paused for long enough; infinity while nothing was typed."""
        return self._over_at

    def press(self, key: str, *, now: float) -> str:
        """Another key. Returns the word that it ends, or nothing."""
        self._keys += key
        self._over_at = now + _PAUSE_S
        return self._take() if key == "#" or len(self._keys) >= _MOST_KEYS else ""

    def tick(self, now: float) -> str:
        """The word, if the caller has paused."""
        return self._take() if now >= self._over_at else ""

    def _take(self) -> str:
        keys, self._keys, self._over_at = self._keys, "", inf
        return keys
