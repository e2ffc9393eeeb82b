"""The model's speech as it was heard: it is played when it has come and what came before is over, until it is cut.

Where the recording has notes of the player, they say what was heard. Else the client's `conversation.item.truncate`
says it, else the moment at which the server heard the user in a session with `interrupt_response`.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from duologue.inspection.rows import Rows
from duologue.inspection.spans import extended, noted_spans
from duologue.inspection.view import CallInterruption, CutBy, HeardPart

__all__ = ["HeardLane"]

_REMEMBERED: Final = 256
"""Parts that can still be heard: as many as a client's playback ledger remembers."""

_ROUNDING_MS: Final = 2
"""A player counts whole samples, and parts are told in whole milliseconds."""

_Key = tuple[str, int]


class _Part(Struct):
    row: HeardPart
    turn: int
    arrived_ms: float = 0.0
    ends_s: float = 0.0
    """When the last of what has come is played."""
    is_over: bool = False

    def heard_by_ms(self, at_s: float) -> int:
        """How much was heard by then, if it is played as it comes."""
        return max(0, min(round(self.arrived_ms - max(0.0, self.ends_s - at_s) * 1000), round(self.arrived_ms)))


class HeardLane:
    """Makes the rows of heard parts and of interruptions."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._parts: dict[_Key, _Part] = {}
        self._busy_until_s = 0.0
        self._has_notes = False
        self._awaited: tuple[_Key, float] | None = None
        """The part that was heard when the user began to speak, and when; what says how much was heard comes later."""
        self._cuts: dict[_Key, CallInterruption] = {}
        self._interrupted: list[int] = []

    def arrived(self, key: _Key, response_id: str, turn: int, duration_ms: float, at_s: float) -> HeardPart:
        """A piece of speech came."""
        part = self._parts.get(key)
        if part is None:
            row = HeardPart(
                item_id=key[0],
                content_index=key[1],
                response_id=response_id,
                first_arrived_s=at_s,
                first_heard_s=max(at_s, self._busy_until_s),
            )
            part = self._parts[key] = _Part(self._rows.add("heard", row), turn)
            if len(self._parts) > _REMEMBERED:
                del self._parts[next(iter(self._parts))]
        elif at_s > part.ends_s and not part.is_over:
            part.row.underruns += 1
        extended(part.row.spans, max(at_s, 0.0 if part.row.spans else self._busy_until_s), part.arrived_ms, duration_ms)
        part.arrived_ms += duration_ms
        part.row.arrived_ms = round(part.arrived_ms)
        if not part.is_over:
            part.ends_s = self._busy_until_s = max(at_s, self._busy_until_s) + duration_ms / 1000
            if not part.row.is_noted:
                part.row.heard_ms = part.row.arrived_ms
        elif (known := self._cuts.get(key)) is not None:
            known.arrived_ms = part.row.arrived_ms
            self._rows.touch(known)
        self._rows.touch(part.row)
        return part.row

    def noted(self, key: _Key, heard_ms: int, is_over: bool, at_s: float) -> HeardPart | None:
        """The player says how much of a part was heard. Returns it if it had not been heard before."""
        self._has_notes = True
        part = self._parts.get(key)
        if part is None:
            return None
        row, is_first = part.row, not part.row.is_noted
        if is_first:
            row.first_heard_s = max(row.first_arrived_s, at_s - heard_ms / 1000)
        noted_spans(row, heard_ms, at_s)
        row.is_noted, row.heard_ms = True, heard_ms
        self._rows.touch(row)
        if is_over and not part.is_over:
            part.is_over = True
            if heard_ms < row.arrived_ms - _ROUNDING_MS:
                self._cut(key, part, "playback", at_s)
            self._busy_until_s = min(self._busy_until_s, at_s)
        return row if is_first else None

    def truncated(self, key: _Key, audio_end_ms: int, at_s: float) -> None:
        """The client has cut an item to what was heard of it."""
        part = self._parts.get(key)
        if part is None or part.row.is_noted:
            return
        part.row.heard_ms = min(audio_end_ms, part.row.arrived_ms)
        part.is_over = True
        self._busy_until_s = min(self._busy_until_s, at_s)
        if part.row.heard_ms < part.row.arrived_ms - _ROUNDING_MS or key in self._cuts:
            self._cut(key, part, "truncate", at_s)
        self._rows.touch(part.row)

    def user_spoke(self, at_s: float, *, interrupts: bool) -> None:
        """The server has heard the user begin to speak."""
        self._awaited = None
        for key, part in reversed(self._parts.items()):
            if part.is_over or part.row.first_heard_s > at_s:
                continue
            is_audible = part.row.heard_ms < part.row.arrived_ms if part.row.is_noted else part.ends_s > at_s
            if is_audible:
                self._awaited = (key, at_s)
                break
        if not self._has_notes and interrupts:
            self._cut_all(at_s)

    def take_interrupted(self) -> list[int]:
        """Numbers of turns whose answers were interrupted since the last call."""
        numbers, self._interrupted = self._interrupted, []
        return numbers

    def _cut_all(self, at_s: float) -> None:
        for key, part in self._parts.items():
            if not part.is_over and part.ends_s > at_s:
                part.row.heard_ms = part.heard_by_ms(at_s) if part.row.first_heard_s <= at_s else 0
                part.is_over = True
                self._cut(key, part, "speech_started", at_s)
        self._busy_until_s = min(self._busy_until_s, at_s)

    def _cut(self, key: _Key, part: _Part, by: CutBy, at_s: float) -> None:
        row = part.row
        row.cut_by = by
        self._rows.touch(row)
        if (known := self._cuts.get(key)) is not None:
            known.heard_ms, known.cut_by, known.silent_s = row.heard_ms, by, at_s
            self._rows.touch(known)
            return
        if row.heard_ms == 0 and (self._awaited is None or self._awaited[0] != key):
            return  # it waited behind the part that was heard, and nothing of it was interrupted
        began_s = self._awaited[1] if self._awaited is not None and self._awaited[0] == key else at_s
        self._cuts[key] = self._rows.add(
            "interruptions",
            CallInterruption(
                at_s=began_s,
                turn=part.turn,
                item_id=row.item_id,
                content_index=row.content_index,
                heard_ms=row.heard_ms,
                arrived_ms=row.arrived_ms,
                cut_by=by,
                silent_s=at_s,
            ),
        )
        self._interrupted.append(part.turn)
        if len(self._cuts) > _REMEMBERED:
            del self._cuts[next(iter(self._cuts))]
