"""Queues the server's speech for the loudspeaker, and counts what has been played."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, NamedTuple

__all__ = ["MAX_QUEUED_BYTES", "ItemPart", "Player"]

MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024
"""Twenty minutes of speech at 24 kHz: servers send speech faster than it plays, but not by that much."""

_ROUNDING_SAMPLES: Final = 0.01
"""Allows for rounding: differences of a clock that has run for weeks are exact to a thousandth of a sample."""


class ItemPart(NamedTuple):
    """A content part of an item; positions in the server's speech count from its beginning."""

    item_id: str
    content_index: int


class _Piece(NamedTuple):
    part: ItemPart
    pcm16: bytes


class _InDevice(NamedTuple):
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
        self._in_device: deque[_InDevice] = deque()
        self._offset = 0

    def add(self, part: ItemPart, pcm16: bytes) -> bool:
        """Queue more speech; False if the queue is full."""
        with self._lock:
            if self._waiting_bytes + len(pcm16) > MAX_QUEUED_BYTES:
                return False
            if pcm16:
                self._waiting.append(_Piece(part, pcm16))
                self._waiting_bytes += len(pcm16)
            return True

    def take(self, n_bytes: int, begins_at_s: float) -> bytes:
        """At most `n_bytes`, which the device plays from `begins_at_s` on. For the device's thread."""
        taken: list[bytes] = []
        missing = n_bytes
        with self._lock:
            while missing and self._waiting:
                part, pcm16 = self._waiting[0]
                slice_ = pcm16[self._offset : self._offset + missing]
                at_s = begins_at_s + (n_bytes - missing) / self._bytes_per_s
                self._in_device.append(_InDevice(part, at_s, len(slice_)))
                taken.append(slice_)
                missing -= len(slice_)
                self._offset += len(slice_)
                self._waiting_bytes -= len(slice_)
                if self._offset == len(pcm16):
                    self._waiting.popleft()
                    self._offset = 0
        return b"".join(taken)

    def take_played(self, now_s: float) -> list[tuple[ItemPart, int]]:
        """The bytes of each part that were played since the last call, in order."""
        played: list[tuple[ItemPart, int]] = []
        with self._lock:
            while self._in_device and (first := self._in_device[0]).begins_at_s < now_s:
                samples = int((now_s - first.begins_at_s) * self._bytes_per_s / 2 + _ROUNDING_SAMPLES)
                n_bytes = min(first.n_bytes, 2 * samples)
                if n_bytes:
                    played.append((first.part, n_bytes))
                if n_bytes < first.n_bytes:
                    self._in_device[0] = _InDevice(
                        first.part, first.begins_at_s + n_bytes / self._bytes_per_s, first.n_bytes - n_bytes
                    )
                    break
                self._in_device.popleft()
        return played

    def stop(self) -> None:
        """Play nothing from the next block on. What is in the device already still plays, some milliseconds."""
        with self._lock:
            self._waiting.clear()
            self._waiting_bytes = 0
            self._offset = 0
