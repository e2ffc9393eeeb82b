"""Two calls of the same audio: what the one did that the other did not, event by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.errors import DuologueError
from duologue.inspection.page.fold import LaneFold
from duologue.inspection.sequence import CallEvent

__all__ = ["EventDifference", "NotComparable", "check_comparable", "differences_of", "offset_s"]

_MAX_DIFFERENCES: Final = 1000
"""That a page lists: calls which differ by more are different calls."""

_MAX_PART: Final = 500
"""Events between two beginnings that are compared; comparing takes the square of it."""

_BEGINS: Final = frozenset(
    {
        "input_audio_buffer.speech_started",
        "input_audio_buffer.commit",
        "response.create",
        "session.delegation.created",
        "session.input_transcript.delta",
    }
)
"""With them a part of a call begins. Parts are compared one by one, and ids counted anew in each."""


class NotComparable(DuologueError):
    """The calls are not of the same audio, so their differences would say nothing."""


class EventDifference(Struct, frozen=True, kw_only=True):
    """An event that only one of two calls has at its place."""

    only: str
    """"this" or "other"."""
    part: int
    """The number of the part: see `_BEGINS`."""
    at_s: float
    """In its own call."""
    by: str
    type: str
    ids: list[str]
    """By the event of the part that first names them, such as "response.created 1": ids themselves always differ."""


def check_comparable(this: LaneFold, other: LaneFold) -> None:
    """Raise NotComparable if the users' audio differs. Silence is left out of it: files end in more of it or less."""
    if this.user.digest() != other.user.digest():
        lengths = " and ".join(f"{fold.call.view.user_audio_ms / 1000:.1f} s" for fold in (this, other))
        raise NotComparable(
            f"the users' audio of the two calls differs ({lengths}): compare calls in which the same audio was sent"
        )


def offset_s(this: LaneFold, other: LaneFold) -> float:
    """By how much the other call lies earlier: its user's audio begins with that of this one."""
    begins = [fold.user.track.stretches[0].begin_s for fold in (this, other) if fold.user.track.stretches]
    return round(begins[0] - begins[1], 3) if len(begins) == 2 else 0.0


def differences_of(this: Sequence[CallEvent], other: Sequence[CallEvent]) -> list[dict[str, Any]]:
    """The events that only one of two calls has, in order, as JSON-ready data: 1,000 at the most."""
    found: list[dict[str, Any]] = []
    ours, theirs = list(_parts(this)), list(_parts(other))
    for number in range(max(len(ours), len(theirs))):
        one = ours[number] if number < len(ours) else []
        two = theirs[number] if number < len(theirs) else []
        for each in _compared(number, one, two):
            if len(found) >= _MAX_DIFFERENCES:
                return found
            found.append(msgspec.to_builtins(each))
    return found


def _compared(number: int, one: list[CallEvent], two: list[CallEvent]) -> Iterator[EventDifference]:
    keys, others = _keys(one), _keys(two)
    for tag, begin, end, other_begin, other_end in SequenceMatcher(None, keys, others, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for only, rows, each_keys in (
            ("this", one[begin:end], keys[begin:end]),
            ("other", two[other_begin:other_end], others[other_begin:other_end]),
        ):
            for row, key in zip(rows, each_keys, strict=True):
                yield EventDifference(
                    only=only, part=number, at_s=round(row.at_s, 3), by=row.by, type=row.type, ids=list(key[2:])
                )


def _parts(events: Sequence[CallEvent]) -> Iterator[list[CallEvent]]:
    part: list[CallEvent] = []
    for event in events:
        if part and (event.type in _BEGINS or len(part) >= _MAX_PART):
            yield part
            part = []
        part.append(event)
    if part:
        yield part


def _keys(part: list[CallEvent]) -> list[tuple[str, ...]]:
    """What is the same in two calls of an event: whose it is, its type, and where its ids came first."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for event in part:
        for id_ in event.ids:
            if id_ not in names:
                counts[event.type] += 1
                names[id_] = f"{event.type} {counts[event.type]}"
    return [(each.by, each.type, *(names[id_] for id_ in each.ids)) for each in part]
