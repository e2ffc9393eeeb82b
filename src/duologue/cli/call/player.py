"""The server's voice on its way to the loudspeaker, with an account of what has really been heard."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, NamedTuple

__all__ = ["MAX_QUEUED_BYTES", "ItemPart", "Player"]

MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024
"""Twenty minutes of speech at 24 kHz: servers speak faster than they are heard, but nobody that much."""

_ROUNDING_SAMPLES: Final = 0.01
"""Differences of a clock that has run for weeks are exact to a thousandth of a sample."""


class ItemPart(NamedTuple):
    """A piece of an item: what positions in the server's speech count from."""

    item_id: str
    content_index: int


class _Piece(NamedTuple):
    part: ItemPart
    pcm16: bytes


class _Sounding(NamedTuple):
    part: ItemPart
    begins_at_s: float
    n_bytes: int


class Player:
    """A queue of PCM16 between the event loop, which fills it, and the device's thread, which empties it."""

    def __init__(self, rate_hz: int) -> None:
        self._bytes_per_s = 2 * rate_hz
        self._lock = threading.Lock()
        self._waiting: deque[_Piece] = deque()
        self._waiting_bytes = 0
        self._sounding: deque[_Sounding] = deque()
        self._offset = 0

    def add(self, part: ItemPart, pcm16: bytes) -> bool:
        """Queue more speech; false if there is no room for it."""
        with self._lock:
            if self._waiting_bytes + len(pcm16) > MAX_QUEUED_BYTES:
                return False
            if pcm16:
                self._waiting.append(_Piece(part, pcm16))
                self._waiting_bytes += len(pcm16)
            return True

    def take(self, n_bytes: int, begins_at_s: float) -> bytes:
        """So many bytes at most, which will be heard from this moment on. For the device's thread."""
        taken: list[bytes] = []
        missing = n_bytes
        with self._lock:
            while missing and self._waiting:
                part, pcm16 = self._waiting[0]
                slice_ = pcm16[self._offset : self._offset + missing]
                at_s = begins_at_s + (n_bytes - missing) / self._bytes_per_s
                self._sounding.append(_Sounding(part, at_s, len(slice_)))
                taken.append(slice_)
                missing -= len(slice_)
                self._offset += len(slice_)
                self._waiting_bytes -= len(slice_)
                if self._offset == len(pcm16):
                    self._waiting.popleft()
                    self._offset = 0
        return b"".join(taken)

    def heard(self, now_s: float) -> list[tuple[ItemPart, int]]:
        """Bytes of which part have left the loudspeaker by now and were not told before, in order."""
        told: list[tuple[ItemPart, int]] = []
        with self._lock:
            while self._sounding and (first := self._sounding[0]).begins_at_s < now_s:
                samples = int((now_s - first.begins_at_s) * self._bytes_per_s / 2 + _ROUNDING_SAMPLES)
                n_bytes = min(first.n_bytes, 2 * samples)
                if n_bytes:
                    told.append((first.part, n_bytes))
                if n_bytes < first.n_bytes:
                    self._sounding[0] = _Sounding(
                        first.part, first.begins_at_s + n_bytes / self._bytes_per_s, first.n_bytes - n_bytes
                    )
                    break
                self._sounding.popleft()
        return told

    def stop(self) -> None:
        """Be silent from the next block on. What is in the device by now still sounds, some milliseconds."""
        with self._lock:
            self._waiting.clear()
            self._waiting_bytes = 0
            self._offset = 0
