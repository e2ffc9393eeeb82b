"""Keys that the caller presses, as words: until `#`, or until the caller pauses, one a second at most."""

from __future__ import annotations

from math import inf
from typing import Final

__all__ = ["KeyPresses"]

_PAUSE_S: Final = 2.0
"""A caller who types goes on within it."""

_MOST_KEYS: Final = 64
"""Longer than any number that is typed; what is pressed beyond it before the word is taken is dropped."""

_BETWEEN_WORDS_S: Final = 1.0
"""Each word is answered by the model, which costs money, and a telephone sends ten keys a second: `#` held down is a
few answers, and not hundreds."""


class KeyPresses:
    """Collects keys. `now` is any clock in seconds that does not go backwards."""

    def __init__(self) -> None:
        self._keys = ""
        self._pressed_at = self._next_word_at = -inf

    @property
    def next_tick_at(self) -> float:
        """When a word is due: the caller has paused for long enough, or `#` was pressed; infinity while nothing was
        typed."""
        if not self._keys:
            return inf
        is_complete = "#" in self._keys or len(self._keys) >= _MOST_KEYS
        return max(self._next_word_at, self._pressed_at + (0 if is_complete else _PAUSE_S))

    def press(self, key: str, *, now: float) -> str:
        """Another key. Returns the word that it ends, or nothing; a word that comes too soon is kept for `tick`."""
        if len(self._keys) < _MOST_KEYS:
            self._keys += key
        self._pressed_at = now
        return self.tick(now)

    def tick(self, now: float) -> str:
        """The word that is due, up to its last `#`."""
        if now < self.next_tick_at:
            return ""
        end = self._keys.rfind("#") + 1 or len(self._keys)
        word, self._keys = self._keys[:end], self._keys[end:]
        self._next_word_at = now + _BETWEEN_WORDS_S
        return word
