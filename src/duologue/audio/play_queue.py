"""A queue that is played in real time, as a carrier plays what it is sent: pieces, marks between them, and a clear.

    push · mark · clear          what comes, at `now`
    advance                      what was played by `now`, and the marks that were reached, in order
    next_mark_at                 when the next mark is reached

A piece that finds the queue empty is played at once; one that comes later follows without a gap, or begins after it.
Nothing here knows the time: `now` is any clock in seconds that does not go backwards.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final, TypeAlias

from msgspec import Struct

from duologue.audio.formats import Encoding

__all__ = ["MarkReached", "PlayEvent", "PlayQueue", "PlayedAudio"]

_ROUNDING_SAMPLES: Final = 1e-3
"""Seconds are floats: a sample that is over is not to be missed by a rounded digit."""


class PlayedAudio(Struct, frozen=True):
    """So much of one piece was played without a break, from `at_s` on."""

    piece: int
    """Pieces are counted from 0."""
    at_s: float
    audio: bytes


class MarkReached(Struct, frozen=True):
    """Everything before the mark has been played."""

    name: str
    at_s: float


PlayEvent: TypeAlias = PlayedAudio | MarkReached
"""What `PlayQueue.advance` returns."""


class _Piece(Struct):
    number: int
    audio: bytes
    at: int = 0
    """How many bytes of it were played."""


class PlayQueue:
    """The queue of one direction of a call."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._entries: deque[_Piece | str] = deque()
        self._n_pieces = 0
        self._n_marks = 0
        self.waiting_bytes: int = 0
        """How much is still to be played."""
        self._began_at = 0.0
        self._run_bytes = 0
        """Since `_began_at`, without a gap."""
        self._ready: list[PlayEvent] = []

    def push(self, audio: bytes, *, now: float) -> int:
        """Queue audio, in whole samples; returns the number of this piece."""
        self._play_until(now)
        if not self.waiting_bytes:
            self._began_at, self._run_bytes = max(now, self._plays_at), 0
        self._entries.append(_Piece(self._n_pieces, audio))
        self.waiting_bytes += len(audio)
        self._n_pieces += 1
        return self._n_pieces - 1

    def mark(self, name: str, *, now: float) -> None:
        """A mark behind what was queued; with nothing before it, it is reached at once."""
        self._play_until(now)
        if self.waiting_bytes:
            self._entries.append(name)
            self._n_marks += 1
        else:
            self._ready.append(MarkReached(name, now))

    def clear(self, *, now: float) -> list[str]:
        """Drop what was not played by now; returns the marks that are dropped with it."""
        self._play_until(now)
        marks = [entry for entry in self._entries if isinstance(entry, str)]
        self._entries.clear()
        self.waiting_bytes = self._n_marks = 0
        self._began_at, self._run_bytes = now, 0
        return marks

    def advance(self, now: float) -> list[PlayEvent]:
        """What was played, and which marks were reached, since the last call."""
        self._play_until(now)
        ready, self._ready = self._ready, []
        return ready

    @property
    def next_mark_at(self) -> float:
        """When the next mark is reached; infinity while there is none."""
        if any(isinstance(each, MarkReached) for each in self._ready):
            return -inf
        if not self._n_marks:
            return inf
        before = 0
        for entry in self._entries:
            if isinstance(entry, str):
                break
            before += len(entry.audio) - entry.at
        return self._began_at + (self._run_bytes + before) / self._encoding.bytes_per_s

    @property
    def plays_until(self) -> float:
        """When all that is queued will have been played; in the past if it was."""
        return self._plays_at + self.waiting_bytes / self._encoding.bytes_per_s

    @property
    def _plays_at(self) -> float:
        return self._began_at + self._run_bytes / self._encoding.bytes_per_s

    def _play_until(self, now: float) -> None:
        width = self._encoding.bytes_per_sample
        samples = int(max(0.0, now - self._began_at) * self._encoding.rate_hz + _ROUNDING_SAMPLES)
        left = min(samples * width - self._run_bytes, self.waiting_bytes)
        while self._entries:
            entry = self._entries[0]
            if isinstance(entry, str):
                self._ready.append(MarkReached(entry, self._plays_at))
                self._n_marks -= 1
            else:
                size = min(left, len(entry.audio) - entry.at)
                if size > 0:
                    self._ready.append(
                        PlayedAudio(entry.number, self._plays_at, entry.audio[entry.at : entry.at + size])
                    )
                    entry.at += size
                    self._run_bytes += size
                    self.waiting_bytes -= size
                    left -= size
                if entry.at < len(entry.audio):
                    return
            self._entries.popleft()
