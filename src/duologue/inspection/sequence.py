"""The events of a call in their order, with pieces of one thing as one row: what tests compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from msgspec import Struct

from duologue.events import RealtimeEvent, TranslationEvent, is_set

if TYPE_CHECKING:
    from duologue.events.live import LiveEvent

__all__ = ["AnyFamilyEvent", "CallEvent", "EventSequence"]

AnyFamilyEvent: TypeAlias = "RealtimeEvent | TranslationEvent | LiveEvent"
"""An event of any family."""

_MAX_EVENTS: Final = 50_000
"""Rows: of an hour of quick talk, 20,000 are no pieces."""

_MAX_TEXT: Final = 200
"""Characters of a text: what tells one event from another."""

_TEXT_FIELDS: Final = ("transcript", "text", "arguments")


class CallEvent(Struct, kw_only=True):
    """An event, or several pieces of one thing."""

    at_s: float
    """Of the first."""
    by: Literal["client", "server"]
    type: str
    ids: tuple[str, ...] = ()
    """Of the response, the item and the call that it is about."""
    pieces: int = 1
    audio_ms: float = 0.0
    text: str | None = None
    """A final text, shortened; deltas have none."""


class EventSequence:
    """Adds events to a list. Pieces that alternate, such as those of speech and its transcript, are one row each."""

    def __init__(self, events: list[CallEvent]) -> None:
        self._events = events
        self._open: dict[tuple[str, ...], CallEvent] = {}
        """Rows that the next piece continues. An event of the same side that is no piece closes them."""
        self.dropped: int = 0

    def add(self, event: AnyFamilyEvent, by: Literal["client", "server"], at_s: float, audio_ms: float) -> None:
        """Add an event."""
        name = str(event.type)
        is_piece = name.endswith((".delta", "audio.append", "audio_buffer.append"))
        ids = _ids_of(event)
        if not is_piece:
            self._open = {key: row for key, row in self._open.items() if row.by != by}
        elif (row := self._open.get((by, name, *ids))) is not None:
            row.pieces += 1
            row.audio_ms += audio_ms
            return
        row = CallEvent(at_s=at_s, by=by, type=name, ids=ids, audio_ms=audio_ms, text=_text_of(event))
        if len(self._events) < _MAX_EVENTS:
            self._events.append(row)
        else:
            self.dropped += 1
        if is_piece:
            self._open[by, name, *ids] = row


def _ids_of(event: AnyFamilyEvent) -> tuple[str, ...]:
    response, item = getattr(event, "response", None), getattr(event, "item", None)
    named = (
        getattr(event, "response_id", getattr(response, "id", None)),
        getattr(event, "item_id", getattr(item, "id", None)),
        getattr(event, "call_id", getattr(item, "call_id", None)),
    )
    return tuple(each for each in named if is_set(each) and isinstance(each, str))


def _text_of(event: AnyFamilyEvent) -> str | None:
    text = next((value for name in _TEXT_FIELDS if isinstance(value := getattr(event, name, None), str)), None)
    return text if text is None or len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
