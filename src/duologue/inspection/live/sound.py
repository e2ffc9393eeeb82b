"""The model's sound where it is one track with silence in it: the stretches in which something is heard.

A piece is heard when it has come and the one before is over, in real time. A stretch ends with half a second of
silence, and each is a `HeardPart` with a number for its item.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.audio.sounding import sounding_ms
from duologue.events.base64_text import decode_base64
from duologue.inspection.rows import Rows
from duologue.inspection.view import HeardPart, PlayedSpan

__all__ = ["SoundLane", "SoundStretch"]

_PAUSE_S: Final = 0.5
"""Of silence: the model has stopped. Between its sentences there is less."""

_KEPT_BACK_S: Final = 0.1
"""What a player has in hand, one piece: a piece that comes later than that is heard as a gap."""

_REMEMBERED: Final = 64
"""Stretches that words of the user may still be about: they come some seconds late."""

_STEP_S: Final = 0.01
"""How exactly the end of a sound is known."""

_MS: Final = 1000


class SoundStretch(Struct):
    """The model is heard, from a first sound to the last one before a pause."""

    row: HeardPart
    begin_s: float
    end_s: float
    """Of the last sound so far."""
    turn: int = 0
    """The number of the turn that it answers; 0: not told yet."""
    is_over: bool = False

    def sounds_at(self, at_s: float) -> bool:
        """Whether it is heard at this time, as far as that is known."""
        return self.begin_s <= at_s and (at_s < self.end_s or not self.is_over)


class SoundLane:
    """Makes the rows of heard parts."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.recent: deque[SoundStretch] = deque(maxlen=_REMEMBERED)
        self.piece_s: float = 0.0
        """When the last piece begins to be heard."""
        self._until_s: float | None = None
        """When it is over."""
        self._count = 0

    def push(self, audio: str, encoding: Encoding, at_s: float, *, gap_ms: int = 0) -> Iterator[SoundStretch]:
        """A piece came, in base64; `gap_ms` of silence before it were left out. Yields stretches that begin or end."""
        try:
            sound = decode_base64(audio)
        except ValueError:
            return  # it is not heard
        due_s = at_s if self._until_s is None else self._until_s + gap_ms / _MS
        is_late = at_s > due_s + _KEPT_BACK_S
        self.piece_s = begin_s = at_s if is_late else due_s
        self._until_s = begin_s + len(sound) / encoding.bytes_per_s
        first_ms, last_ms = sounding_ms(sound, encoding)
        stretch = self.recent[-1] if self.recent and not self.recent[-1].is_over else None
        if stretch is not None and (begin_s + first_ms / _MS if last_ms else self._until_s) - stretch.end_s >= _PAUSE_S:
            stretch.is_over = True
            yield stretch
            stretch = None
        if not last_ms:
            return
        if stretch is None:
            yield self._begin(at_s, begin_s + first_ms / _MS, begin_s + last_ms / _MS)
            return
        # Where silence may be left out, a piece that comes late is not a gap.
        stretch.row.underruns += is_late and stretch.end_s > due_s - _STEP_S and first_ms == 0
        stretch.end_s = begin_s + last_ms / _MS
        self._measure(stretch)

    def _begin(self, at_s: float, begin_s: float, end_s: float) -> SoundStretch:
        self._count += 1
        row = HeardPart(
            item_id=f"speech_{self._count}",
            content_index=0,
            response_id="",
            first_arrived_s=at_s,
            first_heard_s=max(at_s, begin_s),
        )
        stretch = SoundStretch(self._rows.add("heard", row), begin_s, end_s)
        self._measure(stretch)
        self.recent.append(stretch)
        return stretch

    def _measure(self, stretch: SoundStretch) -> None:
        stretch.row.spans = [PlayedSpan(begin_s=stretch.begin_s, end_s=stretch.end_s, media_ms=0.0)]
        stretch.row.arrived_ms = stretch.row.heard_ms = round((stretch.end_s - stretch.begin_s) * _MS)
        self._rows.touch(stretch.row)
