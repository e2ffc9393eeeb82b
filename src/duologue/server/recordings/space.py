"""How much a folder of recordings may hold."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ["SUFFIX", "Space"]

SUFFIX: Final = ".jsonl"
"""Of recordings. Other files of the folder are not counted."""

_COUNT_AGAIN_S: Final = 60.0
"""Whether there is room again is looked for no more often: that reads the whole folder."""


class Space:
    """Counts the bytes of a folder's recordings, those of earlier runs too. For one thread."""

    def __init__(self, folder: str, *, max_bytes: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Without `max_bytes` nothing is counted, and there is always room."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        self._bytes: int | None = None
        self._counted_s = 0.0
        self.is_full: bool = False
        """Whether open recordings have to end. It stays so until there is room for new ones: no recording has a gap."""

    def add(self, n_bytes: int) -> None:
        """So much was written. What reaches the limit is in the folder: it is passed by half a second of each call."""
        if self._max_bytes is not None:
            if self._bytes is None:
                self._count()
            else:
                self._bytes += n_bytes
            self._compare()

    def has_room(self) -> bool:
        """Whether another recording may begin: files may have been taken away since the folder was full."""
        if self._max_bytes is not None and (
            self._bytes is None or (self.is_full and self._clock() >= self._counted_s + _COUNT_AGAIN_S)
        ):
            self._count()
            self._compare()
        return not self.is_full

    def _compare(self) -> None:
        self.is_full = self._max_bytes is not None and self._bytes is not None and self._bytes >= self._max_bytes

    def _count(self) -> None:
        self._counted_s, self._bytes = self._clock(), 0
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                # A file may be taken away between the two calls.
                with suppress(OSError):
                    if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                        self._bytes += entry.stat(follow_symlinks=False).st_size
