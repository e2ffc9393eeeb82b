"""Fields that canonical events require and that some servers leave out, and what is read in their place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, get_args

import msgspec

from duologue.dialects.rules import Default, DialectRule
from duologue.events import AnyClientEvent, AnyServerEvent, RealtimeEvent

__all__ = ["ITEM_EVENTS", "absent", "all_absent", "all_but", "incomplete_items", "merged", "required_fields"]

_STAND_INS: Final[dict[str, Any]] = {
    "event_id": "",
    "item_id": "",
    "response_id": "",
    "call_id": "",
    "name": "",
    "output_index": 0,
    "content_index": 0,
    "audio_start_ms": 0,
    "audio_end_ms": 0,
    "usage": None,
    "part": {},
    "delta": "",
    "text": "",
    "transcript": "",
    "arguments": "",
}
"""What is read where a field is absent. An empty part is one of an unknown kind."""

ITEM_EVENTS: Final = (
    "response.output_item.added",
    "response.output_item.done",
    "conversation.item.created",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.retrieved",
    "conversation.item.create",
)
"""Events that hold an item as `item`."""

_EVENTS: Final[dict[str, type[RealtimeEvent]]] = {
    str(cls.__struct_config__.tag): cls for cls in get_args(AnyServerEvent)
}


def absent(*fields: str, events: Iterable[str] | None = None) -> dict[str, tuple[DialectRule, ...]]:
    """For each server event, or for those named, the rules by which these fields may be missing.

    Only fields that the event requires are meant; others may be missing anyway.
    """
    rules = {
        name: tuple(_default(field) for field in required_fields(_EVENTS[name]) if field in fields)
        for name in (_EVENTS if events is None else events)
    }
    return {name: found for name, found in rules.items() if found}


def all_absent() -> dict[str, tuple[DialectRule, ...]]:
    """For each server event, the rules by which any field may be missing for which there is something to read."""
    return absent(*_STAND_INS)


def incomplete_items() -> dict[str, tuple[DialectRule, ...]]:
    """For each event that holds items or parts, the rules by which hardly anything in these is required.

    The beta's specification has one object with optional fields for all kinds, and many servers follow it.
    """
    return {
        **{name: _item("item") for name in ITEM_EVENTS},
        "response.created": _item("response.output[]"),
        "response.done": _item("response.output[]"),
        "response.create": _item("response.input[]"),
        "response.content_part.added": _part("part"),
        "response.content_part.done": _part("part"),
    }


def _item(at: str) -> tuple[DialectRule, ...]:
    message, call, output = (f"{at}[type={kind}]" for kind in ("message", "function_call", "function_call_output"))
    return (
        Default(at, "type", "", always_written=True),  # an item of an unknown kind
        Default(message, "role", "", always_written=True),
        Default(message, "content", [], always_written=True),
        *_part(f"{message}.content[]"),
        Default(call, "name", "", always_written=True),
        Default(call, "arguments", "", always_written=True),
        Default(output, "call_id", "", always_written=True),
        Default(output, "output", "", always_written=True),
    )


def _part(at: str) -> tuple[DialectRule, ...]:
    return tuple(
        Default(f"{at}[type={kind}]", "text", "", always_written=True) for kind in ("text", "input_text", "output_text")
    )


def _default(field: str) -> Default:
    value = _STAND_INS[field]
    return Default("", field, value, always_written=isinstance(value, int))


def required_fields(cls: type[RealtimeEvent]) -> list[str]:
    """Fields without which a frame is no event of this class."""
    # By the class's own table: its annotations would have to be evaluated, and this runs at import.
    defaults = (*cls.__struct_defaults__,)
    defaults = (msgspec.NODEFAULT,) * (len(cls.__struct_fields__) - len(defaults)) + defaults
    return [
        name
        for name, default in zip(cls.__struct_encode_fields__, defaults, strict=True)
        if default is msgspec.NODEFAULT
    ]


def merged(*parts: dict[str, tuple[DialectRule, ...]]) -> dict[str, tuple[DialectRule, ...]]:
    """The rules of all parts, those of earlier parts first in the order of reading."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: tuple(rule for part in parts for rule in part.get(name, ())) for name in names}


def all_but(*names: str) -> frozenset[str]:
    """Every canonical event except these, which are all that a small server has."""
    clients = {str(cls.__struct_config__.tag) for cls in get_args(AnyClientEvent)}
    return frozenset({*_EVENTS, *clients}.difference(names))
