"""Reads an `error` frame whatever it lacks: a program waits for an answer, and only a typed error ends that wait.

Servers and proxies leave out ids, codes and types, send the message alone, as a string, or beside the type. The event
has what the frame says, in the fields where it belongs; what the frame does not say is absent, or empty where the class
requires a string. The frame is kept with the event and written back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from duologue.codec.forgiving import ForgivingReader
from duologue.codec.writing import to_plain
from duologue.dialects.places import Json, copy_json
from duologue.dialects.rules import same
from duologue.events import AnyEvent, UnknownRealtimeEvent
from duologue.events.base import Variant

__all__ = ["is_error_frame", "kept_frame", "read_error", "with_error_fields"]

_TYPE: Final = "error"

_REQUIRED: Final = ("type", "message")
"""Fields of the error that its class requires; empty where the frame has none."""

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "message": ("message", "detail", "msg", "reason", "error"),
    "code": ("code", "error_code", "status_code"),
    "param": ("param",),
    "event_id": ("event_id",),
    "type": ("type",),
}
"""Fields of the error, each with the names that servers give it; the first that is there counts."""

_MAX_WRAPPINGS: Final = 4  # of an error in objects and lists; a gateway adds one or two

_BESIDE: Final = ("message", "code", "param")
"""Fields that stand beside the error, or in its place, in the frames of some servers: `type` and `event_id` are the
event's own there."""


def is_error_frame(frame: Mapping[str, Any]) -> bool:
    """Whether a frame says that it is an error: by its type, or, as gateways answer over HTTP, by an `error` alone."""
    if "type" in frame:
        return bool(frame["type"] == _TYPE)
    told = frame.get("error")
    return isinstance(told, (dict, list, str)) and bool(told)


def read_error(reader: ForgivingReader, fields: Json, *, frame: Json) -> AnyEvent:
    """The error event of a frame that does not fit its class; `fields` is its canonical form."""
    event = reader.read(with_error_fields(fields), frame=frame)
    # A string that cannot be written as UTF-8 where the class has one: the frame is kept, under no class.
    return UnknownRealtimeEvent(json=frame, problem=event.problem) if isinstance(event, UnknownRealtimeEvent) else event


def with_error_fields(fields: Json) -> Json:
    """The frame with an `error` object that has the fields of its class, and with those alone that fit it."""
    fields = copy_json(fields)
    inside = _innermost(fields.pop("error", None))
    error: Json = {}
    for field in _NAMES:
        value = _take(inside, field)
        if value is None and field in _BESIDE:
            value = _take(fields, field)
        if value is not None:
            error[field] = value
    for field in _REQUIRED:
        error.setdefault(field, "")
    if not isinstance(fields.get("event_id"), str):
        fields.pop("event_id", None)
    return {**fields, "type": _TYPE, "error": {**inside, **error}}


def _innermost(told: Any) -> Json:
    """The object that describes the error: gateways wrap the error of the server behind them, in objects and lists."""
    for _ in range(_MAX_WRAPPINGS):
        if isinstance(told, list) and told:
            told = told[0]
        elif (
            isinstance(told, dict)
            and isinstance(told.get("error"), (dict, list))
            and _text(told.get("message")) is None
        ):
            told = told["error"]
        else:
            break
    return told if isinstance(told, dict) else {"message": told}


def _take(place: Json, field: str) -> str | None:
    """Remove a field under any of its names; None where it is absent, null, or no text and no number."""
    found: str | None = None
    for name in _NAMES[field]:
        value = place.get(name)
        if found is None and (text := _text(value)) is not None:
            found = text
            del place[name]
        elif name == field:
            place.pop(name, None)
    return found


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def kept_frame(event: Variant, dialect: str | None) -> Json | None:
    """The frame of an error that was read in this dialect, as long as the event says what the frame does."""
    frame = event.extra.frame
    if frame is None or event.extra.dialect != dialect or not is_error_frame(frame):
        return None
    return copy_json(frame) if same(with_error_fields(dict(frame)), to_plain(event)) else None
