"""Repeated events: some servers, proxies and reconnecting relays deliver an event twice."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final, TypeAlias

import msgspec
from msgspec import inspect

from duologue.events import RealtimeEvent
from duologue.events.base import NO_EXTRA

__all__ = ["Deduplicator"]

_REMEMBERED: Final = 256
"""Events of some seconds in a busy session; a repetition follows soon. Up to twice as many are remembered."""

_Fingerprint: TypeAlias = Callable[[RealtimeEvent], object]
"""Reads what differs between two events of a class that have the same id."""


def _shown(value: object) -> str | None:
    return None if value is NO_EXTRA else repr(value)


_encode: Final = msgspec.json.Encoder(enc_hook=_shown).encode


class Deduplicator:
    """Recognises an event by its id and its content: some servers give every event the same id."""

    def __init__(self) -> None:
        self._seen: dict[str, int | None] = {}
        """The content's hash by event id; None for an id that two different events had, and that identifies none."""
        self._seen_before: dict[str, int | None] = {}
        """The same of the events before those: old ones are forgotten together, which costs an event nothing."""

    def is_repeated(self, event: RealtimeEvent) -> bool:
        """Whether the event was received before; remembers it."""
        event_id = event.event_id
        if not isinstance(event_id, str) or not event_id:
            return False
        read = _FINGERPRINTS.get(type(event)) or _fingerprint_of(type(event))
        fingerprint = hash(read(event))
        seen = self._seen
        if event_id in seen or event_id in self._seen_before:
            known = seen if event_id in seen else self._seen_before
            if known[event_id] == fingerprint:
                return True
            seen[event_id] = None
            return False
        seen[event_id] = fingerprint
        if len(seen) >= _REMEMBERED:
            self._seen, self._seen_before = {}, seen
        return False

    def clear(self) -> None:
        """Another connection begins; its server may use the same ids again."""
        self._seen = {}
        self._seen_before = {}


_FINGERPRINTS: Final[dict[type[RealtimeEvent], _Fingerprint]] = {}
"""By class of event, as they are needed: there are as many as classes."""


def _fingerprint_of(event_class: type[RealtimeEvent]) -> _Fingerprint:
    read: _Fingerprint = _encode
    names = [name for name in event_class.__struct_fields__ if name != "extra"]
    if "delta" in names:  # of pieces only the piece: they are many
        read = attrgetter("__class__", *(name for name in ("item_id", "content_index", "delta") if name in names))
    elif _is_flat(event_class):
        read = _reading(attrgetter("__class__", *names))
    _FINGERPRINTS[event_class] = read
    return read


def _reading(fields: _Fingerprint) -> _Fingerprint:
    """Reads all fields of an event whose fields have no parts."""
    return lambda event: fields(event) if event.extra is NO_EXTRA else _encode(event)


def _is_flat(event_class: type[RealtimeEvent]) -> bool:
    """Whether no field of the class has parts."""
    info = inspect.type_info(event_class)
    assert isinstance(info, inspect.StructType)
    return all(_has_no_parts(field.type) for field in info.fields if field.name != "extra")


def _has_no_parts(info: inspect.Type) -> bool:
    match info:
        case inspect.Metadata(type=inner):
            return _has_no_parts(inner)
        case inspect.UnionType(types=types):
            return all(map(_has_no_parts, types))
        case _:
            return isinstance(info, inspect.StrType | inspect.IntType | inspect.BoolType | inspect.NoneType)
