"""What a carrier has in its queue, by part of an item, and how much of that the caller has heard.

A carrier plays in real time what arrives far faster. Marks in the stream come back when they are played. An emptied
queue begins another *generation*: marks of an older one never count, whether the carrier returns them (Twilio, Telnyx)
or not (Asterisk, Plivo).
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final, Generic, TypeVar

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.audio.pacing import FRAME_MS, silence
from duologue.telephony.codecs.traits import Traits

__all__ = ["MarkedPlayout", "PlayoutPiece"]

P = TypeVar("P")

_MARK_EVERY_MS: Final = 200
"""What was heard is known to within it even if the clock were wrong; five small messages a second."""

_OVERDUE_S: Final = 0.25
"""A carrier that has never returned a mark, and is so late with one, returns none: its clock is taken to be ours."""

_AHEAD_MS: Final = FRAME_MS
"""How far ahead audio is sent to a carrier whose queue cannot be emptied: what an interruption leaves to be heard."""

_ROUNDING_SAMPLES: Final = 1e-3
"""Seconds are floats: a sample that is over is not to be missed by a rounded digit."""

_MOST_MARKS: Final = 4_096
"""Outstanding marks that are kept, a quarter of an hour of speech; of older ones the clock tells."""


class PlayoutPiece(Struct, frozen=True):
    """Audio to send, which may be none, and the mark to send behind it."""

    audio: bytes
    mark: str | None


class _Stretch(Struct, Generic[P]):
    """So many bytes that belong to a part; None is silence that fills a frame, or sound beside the conversation."""

    part: P | None
    n_bytes: int


class MarkedPlayout(Generic[P]):
    """One call's speech on its way to the caller. A part is any value that compares.

        add · complete                 what the server has said; a passage ends
        take                           what is to be sent now, in order; `next_due_at` says when to ask again
        acknowledge · flow · clear     a mark came back; the carrier's queue is full or not; everything is dropped
        take_heard                     what was heard since the last call, by part

    `now` is any clock in seconds that does not go backwards.
    """

    def __init__(self, encoding: Encoding, traits: Traits) -> None:
        self._encoding = encoding
        self._traits = traits
        self._frame_bytes = encoding.bytes_for_ms(FRAME_MS) if traits.whole_frames else encoding.bytes_per_sample
        self._ahead_ms = traits.most_queued_ms if traits.clears else _AHEAD_MS
        self._piece_bytes = encoding.bytes_for_ms(_MARK_EVERY_MS if traits.clears else FRAME_MS)
        self.generation: int = 1
        self._echoes: bool | None = None if traits.marks else False
        """Whether the carrier returns marks, as far as it is known."""
        self._takes_more = True
        self._begin()

    def _begin(self) -> None:
        self._waiting = bytearray()
        self._stretches: deque[_Stretch[P]] = deque()
        self._added_bytes = 0
        self._passage_ends = False
        self._sent = 0
        self._marked = 0
        self._marks: deque[tuple[int, int]] = deque(maxlen=_MOST_MARKS)
        """Number and position of those that are outstanding."""
        self._n_marks = 0
        self._base, self._base_at = 0, -inf
        """A position that was heard at this time, from which the clock goes on."""
        self._told = 0
        """Position up to which `take_heard` has told."""

    # --- what is to be played

    def add(self, part: P | None, audio: bytes) -> None:
        """More speech of a part; None is sound that belongs to none, and is not told as heard."""
        self._passage_ends = False
        self._append(part, audio)

    def complete(self) -> None:
        """The passage ends: its last frame is filled up with silence, and marked."""
        self._append(None, silence(self._encoding, -self._added_bytes % self._frame_bytes))
        self._passage_ends = True

    def _append(self, part: P | None, audio: bytes) -> None:
        if not audio:
            return
        self._waiting += audio
        self._added_bytes += len(audio)
        if self._stretches and self._stretches[-1].part == part:
            self._stretches[-1].n_bytes += len(audio)
        else:
            self._stretches.append(_Stretch(part, len(audio)))

    @property
    def waiting_bytes(self) -> int:
        """How much speech was not sent yet."""
        return len(self._waiting)

    @property
    def next_due_at(self) -> float:
        """When there is something to send; infinity while there is not."""
        if not self._takes_more:
            return inf
        if not self._ready_bytes:
            return -inf if self._lacks_mark else self._plays_out_at if self._traits.fills_pauses else inf
        return -inf if self._ahead_ms is None else self._plays_out_at - self._ahead_ms / 1000

    def take(self, now: float, *, at_most: int | None = None) -> list[PlayoutPiece]:
        """The pieces to send now, each of 200 ms at most, or of 20 ms where audio is sent in real time."""
        pieces: list[PlayoutPiece] = []
        while len(pieces) != at_most and self.next_due_at <= now:
            if not (ready := self._ready_bytes):
                pieces.append(PlayoutPiece(b"", self._mark()) if self._lacks_mark else self._pause(now))
                break
            until_mark = self._piece_bytes - (self._sent - self._marked)
            size = min(ready, until_mark)
            audio = bytes(self._waiting[:size])
            del self._waiting[:size]
            self._will_send(size, now)
            ends = self._passage_ends and not self._waiting
            pieces.append(PlayoutPiece(audio, self._mark() if size == until_mark or ends else None))
        return pieces

    def _pause(self, now: float) -> PlayoutPiece:
        """A frame of silence behind speech that was heard: it belongs to no part, and has no position."""
        self._base, self._base_at = self._sent, now + FRAME_MS / 1000
        return PlayoutPiece(silence(self._encoding, self._encoding.bytes_for_ms(FRAME_MS)), None)

    def _will_send(self, n_bytes: int, now: float) -> None:
        if (not self._marks or not self._are_believed(now)) and self._plays_out_at <= now:
            self._base, self._base_at = self._sent, now  # the carrier has nothing left: it plays this at once
        self._sent += n_bytes

    def _mark(self) -> str | None:
        self._marked = self._sent
        if not self._traits.marks:
            return None
        self._n_marks += 1
        self._marks.append((self._n_marks, self._sent))
        return f"{self.generation}.{self._n_marks}"

    @property
    def _lacks_mark(self) -> bool:
        """Whether the end of a passage was sent before it was known to be one."""
        return self._traits.marks and self._passage_ends and not self._waiting and self._marked < self._sent

    @property
    def _ready_bytes(self) -> int:
        waiting = len(self._waiting)
        return waiting if self._passage_ends else waiting // self._frame_bytes * self._frame_bytes

    # --- what the carrier tells

    def acknowledge(self, name: str, *, now: float) -> bool:
        """A mark came back. False for one of an older generation, or that is not outstanding: it means nothing."""
        generation, _, number = name.partition(".")
        if generation != str(self.generation) or not number.isascii() or not number.isdigit() or len(number) > 9:
            return False
        wanted = int(number)
        if not self._marks or not self._marks[0][0] <= wanted <= self._marks[-1][0]:
            return False
        self._echoes = True
        position = 0
        while self._marks and self._marks[0][0] <= wanted:
            _, position = self._marks.popleft()
        if position >= self._base:
            self._base, self._base_at = position, now
        return True

    def flow(self, *, on: bool) -> None:
        """The carrier takes more, or its queue is full."""
        self._takes_more = on

    def clear(self) -> None:
        """Everything is dropped, here and at the carrier: another generation begins."""
        self.generation += 1
        self._takes_more = True  # an emptied queue is not full
        self._begin()

    # --- what was heard

    @property
    def is_idle(self) -> bool:
        """Whether all that was added was told as heard, or dropped."""
        return self._told >= self._added_bytes

    def unheard_bytes(self, now: float) -> int:
        """How much of what was added was not heard."""
        return self._added_bytes - self._heard(now)

    def take_heard(self, now: float) -> list[tuple[P, int]]:
        """The bytes of each part that were heard since the last call, in order."""
        heard, told = self._heard(now), list[tuple[P, int]]()
        while self._told < heard:
            stretch = self._stretches[0]
            size = min(stretch.n_bytes, heard - self._told)
            if stretch.part is not None:
                told.append((stretch.part, size))
            self._told += size
            stretch.n_bytes -= size
            if not stretch.n_bytes:
                self._stretches.popleft()
        return told

    def heard_by(self, now: float) -> float:
        """When all that was sent will have been heard, by the clock; infinity if it was."""
        return inf if self._heard(now) >= self._sent else max(now, self._plays_out_at)

    def _heard(self, now: float) -> int:
        """The last mark, and the time since: never beyond the next mark, never beyond what was sent."""
        if self._base_at == -inf:
            return 0
        samples = int(max(0.0, now - self._base_at) * self._encoding.rate_hz + _ROUNDING_SAMPLES)
        limit = self._marks[0][1] if self._marks and self._are_believed(now) else self._sent
        return max(self._told, min(self._base + samples * self._encoding.bytes_per_sample, limit, self._sent))

    def _are_believed(self, now: float) -> bool:
        """Whether outstanding marks will come: decided once, by the first one that is overdue."""
        if self._echoes is None and self._marks:
            _, position = self._marks[0]
            due_at = self._base_at + (position - self._base) / self._encoding.bytes_per_s
            if now >= due_at + _OVERDUE_S:
                self._echoes = False
        return self._echoes is not False

    @property
    def _plays_out_at(self) -> float:
        return self._base_at + (self._sent - self._base) / self._encoding.bytes_per_s
