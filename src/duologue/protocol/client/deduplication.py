"""Repeated events: some servers, proxies and reconnecting relays deliver an event twice."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final

import msgspec

from duologue.events import RealtimeEvent

__all__ = ["Deduplicator"]

_encoder: Final = msgspec.json.Encoder(enc_hook=repr)

_REMEMBERED: Final = 512
"""Events of some seconds in a busy session; a repetition follows soon."""


class Deduplicator:
    """Recognises an event by its id and its content: some servers give every event the same id."""

    def __init__(self) -> None:
        self._seen: dict[str, int | None] = {}
        """The content's hash by event id; None for an id that two different events had, and that identifies none."""

    def is_repeated(self, event: RealtimeEvent) -> bool:
        """Whether the event was received before; remembers it."""
        event_id = event.event_id
        if not isinstance(event_id, str) or not event_id:
            return False
        read = _FINGERPRINTS.get(type(event)) or _fingerprint_of(type(event))
        fingerprint = hash(read(event))
        seen = self._seen
        if event_id in seen:
            if seen[event_id] == fingerprint:
                return True
            seen[event_id] = None
            return False
        seen[event_id] = fingerprint
        if len(seen) > _REMEMBERED:
            del seen[next(iter(seen))]
        return False

    def clear(self) -> None:
        """Another connection begins; its server may use the same ids again."""
        self._seen.clear()


_FINGERPRINTS: Final[dict[type[RealtimeEvent], Callable[[RealtimeEvent], object]]] = {}
"""By class of event, as they are needed: there are as many as classes."""


def _fingerprint_of(event_class: type[RealtimeEvent]) -> Callable[[RealtimeEvent], object]:
    """Reads what differs between two events of this class with the same id: all of it, but of pieces only the piece."""
    read: Callable[[RealtimeEvent], object] = _encoder.encode
    if "delta" in event_class.__struct_fields__:
        fields = ("item_id", "content_index", "delta")
        read = attrgetter("type", *(name for name in fields if name in event_class.__struct_fields__))
    _FINGERPRINTS[event_class] = read
    return read
