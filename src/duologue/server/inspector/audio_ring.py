"""The latest messages with audio of all sessions, in one piece of memory that is written round and round.

It is there while the inspector has a viewer: to copy all audio through memory that no cache holds costs a server some
percent.
"""

from __future__ import annotations

from typing import Final

__all__ = ["NOWHERE", "AudioRing"]

NOWHERE: Final = -1
"""The place of what is not in the ring."""

_LARGEST: Final = 8
"""A message takes no more than this share of the ring: it would push out all others."""


class AudioRing:
    """Keeps ASCII texts until newer ones need their place. At first it is closed, and keeps nothing."""

    __slots__ = ("_begin", "_end", "_memory", "_size")

    def __init__(self, size_bytes: int) -> None:
        self._size = size_bytes
        self._memory: memoryview | None = None
        self._end = 0
        """How much was ever written: places are counted like this, so that an old one is known by its number."""
        self._begin = 0
        """How much was written before it was opened last."""

    @property
    def is_open(self) -> bool:
        """Whether it keeps texts."""
        return self._memory is not None

    def open(self) -> None:
        """Keep texts from now on. The system provides the memory as it is first written."""
        if self._memory is None:
            self._memory = memoryview(bytearray(self._size))
            self._begin = self._end = self._end + self._size - self._end % self._size

    def close(self) -> None:
        """Forget all, and give the memory back."""
        self._memory = None

    def keep(self, text: str) -> int:
        """Keep a text; returns its place, or `NOWHERE`: it is too long, or the ring is closed."""
        memory = self._memory
        if memory is None:
            return NOWHERE
        length = len(text)
        at = self._end % self._size
        if length > self._size // _LARGEST:
            return NOWHERE
        if at + length > self._size:
            self._end += self._size - at
            at = 0
        memory[at : at + length] = text.encode("ascii")
        place = self._end
        self._end = place + length
        return place

    def has(self, place: int) -> bool:
        """Whether what was kept there is still there."""
        return self._memory is not None and place >= max(self._begin, self._end - self._size)

    def get(self, place: int, length: int) -> str | None:
        """The text of this length that was kept there; None if it is not there any more."""
        memory = self._memory
        if memory is None or not self.has(place):
            return None
        at = place % self._size
        return str(memory[at : at + length], "ascii")
