"""What new lines have changed in a call, for a page that shows it already.

{"lines":412,"duration_s":12.3,"set":[[["call","turns",2],{…}],[["lanes","user_text",3],{…}]],
 "peaks":{"user":[1200,"AAEC…"]},"frames":{"first":401,"at_ms":[…],…},"partners":[[398,405]]}
"""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec

from duologue.inspection import Change, figures_of
from duologue.inspection.page import LaneFold, LineChanges, Redaction
from duologue.inspection.page.lanes import LaneChange

__all__ = ["CallChanges", "SentPeaks"]

_SCALARS: Final = ("last_at_s", "session_id", "model", "unknown", "user_audio_ms", "model_audio_ms", "dropped")
"""Fields of a view that are no rows."""


class SentPeaks:
    """The peaks of one side as pages have them."""

    def __init__(self) -> None:
        self._sent = b""

    def replace(self, peaks: bytes) -> None:
        """A page is made with these."""
        self._sent = peaks

    def changed(self, peaks: bytes) -> tuple[int, bytes] | None:
        """Where they differ from those that pages have: the first step, and the peaks from there on."""
        old, new = self._sent, peaks.ljust(len(self._sent), b"\0")
        self._sent = new
        old = old.ljust(len(new), b"\0")
        first, last = _same(old, new), len(new)
        if first == last:
            return None
        while last - first > 1 and old[(middle := (first + last) // 2) :] == new[middle:]:
            last = middle
        return first, new[first:last]


class CallChanges:
    """Gathers the changes of some lines."""

    def __init__(self, fold: LaneFold) -> None:
        self._fold = fold
        self._first = len(fold.frames)
        self._types = fold.frames.type_count
        self._call: dict[Change, None] = {}
        self._lanes: dict[LaneChange, None] = {}

    def add(self, changes: LineChanges) -> None:
        """A line was folded."""
        self._call.update(dict.fromkeys(changes.call))
        self._lanes.update(dict.fromkeys(changes.lanes))

    def finish(self, lanes: list[LaneChange]) -> None:
        """The call is over, which has changed these."""
        self._lanes.update(dict.fromkeys(lanes))

    def to_json(
        self, *, lines: int, redaction: Redaction, user: SentPeaks, model: SentPeaks, figures: bool = True
    ) -> dict[str, Any]:
        """All of it; `lines` is the number of lines that are folded now. Figures are worked out over the whole call."""
        fold, view = self._fold, self._fold.call.view
        rows = [each for each in self._call if each.kind != "heard"]  # the lanes have them
        content: dict[str, Any] = {"lines": lines, "duration_s": round(fold.duration_s, 3)}
        content["set"] = redaction.row(
            [
                *([["call", each.kind, each.index], view.row(each.kind, each.index)] for each in rows),
                *([["lanes", each.kind, each.index], fold.lanes.row(each.kind, each.index)] for each in self._lanes),
                *([["call", name], getattr(view, name)] for name in _SCALARS),
                [["call", "tokens"], msgspec.to_builtins(view.tokens)],
                [["call", "events"], view.events],
                *([[["figures"], _figures(fold)]] if figures else []),
            ]
        )
        content["peaks"] = {
            side: [found[0], base64.b64encode(found[1]).decode()]
            for side, found in (
                ("user", user.changed(fold.user.peaks(fold.duration_s))),
                ("model", model.changed(fold.model.peaks(fold.duration_s, view))),
            )
            if found is not None
        }
        if len(fold.frames) > self._first:
            content["frames"] = {"first": self._first, **fold.frames.columns(self._first, types_from=self._types)}
            content["partners"] = self._late_partners()
        return content

    def _late_partners(self) -> list[list[int]]:
        """Earlier frames that have found their partner among the new ones."""
        frames, found = self._fold.frames, []
        for number in range(self._first, len(frames)):
            other = frames.partner(number)
            if 0 <= other < self._first and frames.partner(other) == number:
                found.append([other, number])
        return found


def _figures(fold: LaneFold) -> dict[str, Any]:
    """What a page calls figures, but for the cost, which a live one has not."""
    figures: dict[str, Any] = msgspec.to_builtins(figures_of(fold.call.view))
    return figures | {"talk": msgspec.to_builtins(fold.talk()), "wire": fold.frames.wire()}


def _same(one: bytes, other: bytes) -> int:
    """How many bytes are the same at the beginning; both have one length."""
    low, high = 0, len(one)
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
