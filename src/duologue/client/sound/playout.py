"""Queues the model's speech for a loudspeaker, and counts what has been heard of it."""

from __future__ import annotations

import threading
from collections import deque
from math import inf
from typing import Final, NamedTuple

from duologue.audio.formats import Encoding

__all__ = ["MAX_QUEUED_BYTES", "ItemPart", "PlayoutQueue"]

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
    audio: bytes


class _InDevice(NamedTuple):
    part: ItemPart
    begins_at_s: float
    n_bytes: int


class PlayoutQueue:
    """A queue between the event loop, which fills it, and a loudspeaker, which empties it, maybe in its own thread.

    Moments are seconds of the sink's clock. All audio has one encoding.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._lock = threading.Lock()
        self._waiting: deque[_Piece] = deque()
        self._waiting_bytes = 0
        self._in_device: deque[_InDevice] = deque()
        self._offset = 0
        self._is_complete = True

    # --- for the event loop

    def add(self, part: ItemPart, audio: bytes) -> bool:
        """Queue more speech; False if the queue is full."""
        with self._lock:
            if self._waiting_bytes + len(audio) > MAX_QUEUED_BYTES:
                return False
            if audio:
                self._waiting.append(_Piece(part, audio))
                self._waiting_bytes += len(audio)
                self._is_complete = False
            return True

    def complete(self) -> None:
        """Nothing follows for now: the last frame may be shorter than the others."""
        with self._lock:
            self._is_complete = True

    def is_ready(self, n_bytes: int) -> bool:
        """Whether so much waits, or the shorter rest of what is complete."""
        with self._lock:
            return self._waiting_bytes >= n_bytes or (self._is_complete and self._waiting_bytes > 0)

    @property
    def is_idle(self) -> bool:
        """Whether all that was added has been played, or dropped."""
        with self._lock:
            return not self._waiting_bytes and not self._in_device

    @property
    def waiting_s(self) -> float:
        """How long it takes to play what waits."""
        return self._waiting_bytes / self._encoding.bytes_per_s

    @property
    def heard_at_s(self) -> float:
        """When the last of what was taken will have been heard; infinity if it was."""
        with self._lock:
            if not self._in_device:
                return inf
            last = self._in_device[-1]
            return last.begins_at_s + last.n_bytes / self._encoding.bytes_per_s

    def take_played(self, now_s: float) -> list[tuple[ItemPart, int]]:
        """The bytes of each part that were played since the last call, in order."""
        played: list[tuple[ItemPart, int]] = []
        sample_bytes = self._encoding.bytes_per_sample
        with self._lock:
            while self._in_device and (first := self._in_device[0]).begins_at_s < now_s:
                samples = int((now_s - first.begins_at_s) * self._encoding.rate_hz + _ROUNDING_SAMPLES)
                n_bytes = min(first.n_bytes, sample_bytes * samples)
                if n_bytes:
                    played.append((first.part, n_bytes))
                if n_bytes < first.n_bytes:
                    later_s = n_bytes / self._encoding.bytes_per_s
                    self._in_device[0] = _InDevice(first.part, first.begins_at_s + later_s, first.n_bytes - n_bytes)
                    break
                self._in_device.popleft()
        return played

    def drop(self, *, in_device: bool) -> None:
        """Play nothing from the next block on. What was taken still plays, unless the device drops that too."""
        with self._lock:
            self._waiting.clear()
            self._waiting_bytes = 0
            self._offset = 0
            self._is_complete = True
            if in_device:
                self._in_device.clear()

    # --- for the sink

    def take(self, n_bytes: int, begins_at_s: float) -> bytes:
        """At most `n_bytes`, which are heard from `begins_at_s` on. Safe in the device's thread."""
        taken: list[bytes] = []
        missing = n_bytes
        with self._lock:
            while missing and self._waiting:
                part, audio = self._waiting[0]
                slice_ = audio[self._offset : self._offset + missing]
                at_s = begins_at_s + (n_bytes - missing) / self._encoding.bytes_per_s
                self._in_device.append(_InDevice(part, at_s, len(slice_)))
                taken.append(slice_)
                missing -= len(slice_)
                self._offset += len(slice_)
                self._waiting_bytes -= len(slice_)
                if self._offset == len(audio):
                    self._waiting.popleft()
                    self._offset = 0
        return b"".join(taken)
