"""The rows of the lanes that a page draws beside those of `CallView`. Times are seconds of the call."""

from __future__ import annotations

import itertools
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from duologue.inspection.spans import heard_until
from duologue.inspection.view import HeardPart

__all__ = ["Bracket", "BracketKind", "LaneChange", "LaneKind", "LaneText", "Lanes", "SpeechBar", "as_heard"]

LaneKind: TypeAlias = Literal["user_speech", "user_energy", "user_text", "model_audio", "model_text", "brackets"]

BracketKind: TypeAlias = Literal["endpointing", "created", "first_text", "first_audio", "first_heard", "barge_in"]
"""All but the last count from the end of speech, as the figures of a turn do; `barge_in` from the user's speech to
silence."""

_MAX_ROWS: Final = 20_000
"""Of one lane: an hour of quick talk has a thousand turns."""

_MAX_TICKS: Final = 1000
"""Of a text: a minute of speech comes in 300 pieces at the most."""

_MAX_CHARACTERS: Final = 4000
"""Of a text, as `MAX_TEXT_CHARACTERS` of the rows of a view."""


class SpeechBar(Struct, array_like=True):
    """From when to when there is speech. `end_s` is None while it goes on."""

    begin_s: float
    end_s: float | None = None


class LaneText(Struct, kw_only=True):
    """Words: when their first piece came, when each piece did, and when they were final."""

    item_id: str
    response_id: str | None = None
    """None for words of the user."""
    begin_s: float
    final_s: float | None = None
    text: str = ""
    ticks: list[float] = []

    def piece(self, text: str, at_s: float) -> None:
        """A piece of it came."""
        if len(self.ticks) < _MAX_TICKS:
            self.ticks.append(at_s)
        self.text = (self.text + text)[:_MAX_CHARACTERS]

    def final(self, text: str | None, at_s: float) -> None:
        """It is whole, and `text` is all of it, unless that is None."""
        self.final_s = at_s
        if text is not None:
            self.text = text[:_MAX_CHARACTERS]


class Bracket(Struct, kw_only=True):
    """A delay that people compare, between two lines of the recording."""

    turn: int
    kind: BracketKind
    from_s: float
    to_s: float
    from_frame: int
    """The number of its line; -1 where none is at that moment."""
    to_frame: int

    @property
    def ms(self) -> int:
        """How long it is."""
        return max(0, round((self.to_s - self.from_s) * 1000))


class LaneChange(Struct, frozen=True):
    """A row of a lane that is new or was changed: `Lanes.row(kind, index)`."""

    kind: LaneKind
    index: int


class Lanes:
    """The rows, bounded in number, and which were changed since the last `take`.

    `heard` is the list of a `CallView`: the rows of `model_audio` are made of it, one for each.
    """

    def __init__(self, heard: list[HeardPart]) -> None:
        self.user_speech: list[SpeechBar] = []
        self.user_energy: list[SpeechBar] = []
        self.user_text: list[LaneText] = []
        self.model_text: list[LaneText] = []
        self.brackets: list[Bracket] = []
        self._heard = heard
        self._indexes: dict[int, LaneChange] = {}
        """By the identity of the row, which a lane keeps."""
        self._changed: dict[LaneChange, None] = {}

    def add(self, kind: Literal["user_speech", "user_energy", "user_text", "model_text", "brackets"], row: Any) -> None:
        """Add a row. Beyond the limit it is dropped."""
        rows: list[Any] = getattr(self, kind)
        if len(rows) < _MAX_ROWS:
            self._indexes[id(row)] = LaneChange(kind, len(rows))
            rows.append(row)
            self.touch(row)

    def touch(self, row: object) -> None:
        """A row was changed."""
        if (change := self._indexes.get(id(row))) is not None:
            self._changed[change] = None

    def touch_heard(self, index: int) -> None:
        """A part of the model's speech was changed."""
        self._changed[LaneChange("model_audio", index)] = None

    def take(self) -> list[LaneChange]:
        """What was changed, in order, each once."""
        changed, self._changed = list(self._changed), {}
        return changed

    def row(self, kind: LaneKind, index: int) -> Any:
        """A row as JSON-ready data."""
        return _to_json(self._heard[index] if kind == "model_audio" else getattr(self, kind)[index])

    def to_json(self) -> dict[str, list[Any]]:
        """All rows as JSON-ready data."""
        names = ("user_speech", "user_energy", "user_text", "model_text", "brackets")
        lanes = {name: [_to_json(row) for row in getattr(self, name)] for name in names}
        return {**lanes, "model_audio": [as_heard(part) for part in self._heard]}


def as_heard(part: HeardPart) -> dict[str, Any]:
    """A part of the model's speech as it was heard, as JSON-ready data. Spans are begin, end, and place in the part."""
    heard, unheard = heard_until(part.spans, part.heard_ms)
    return {
        "item_id": part.item_id,
        "content_index": part.content_index,
        "response_id": part.response_id,
        "heard": [[_s(each.begin_s), _s(each.end_s), round(each.media_ms)] for each in heard],
        "unheard": [[_s(each.begin_s), _s(each.end_s), round(each.media_ms)] for each in unheard],
        "gaps": [[_s(one.end_s), _s(next_.begin_s)] for one, next_ in itertools.pairwise(heard)],
        "cut_by": part.cut_by,
    }


def _to_json(row: Any) -> Any:
    match row:
        case HeardPart():
            return as_heard(row)
        case SpeechBar():
            return [_s(row.begin_s), None if row.end_s is None else _s(row.end_s)]
        case Bracket():
            return {**msgspec.to_builtins(row), "from_s": _s(row.from_s), "to_s": _s(row.to_s), "ms": row.ms}
        case LaneText(response_id=None):
            content: dict[str, Any] = msgspec.to_builtins(row)
            del content["response_id"]
            return content
        case _:
            return msgspec.to_builtins(row)


def _s(at_s: float) -> float:
    """Milliseconds are enough to draw."""
    return round(at_s, 3)
