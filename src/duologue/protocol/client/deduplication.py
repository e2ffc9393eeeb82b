"""Events that came before: some servers, proxies and reconnecting relays deliver one twice."""

from __future__ import annotations

from functools import cache
from operator import attrgetter
from typing import Any, Final

from duologue.events import RealtimeEvent

__all__ = ["Repeats"]

_REMEMBERED: Final = 512
"""Some seconds of a busy session; what is repeated is repeated soon."""


class Repeats:
    """Recognises an event by its id and by what it says: servers exist that give all of theirs the same id."""

    def __init__(self) -> None:
        self._seen: dict[str, int | None] = {}
        """What the event of each id said; None for an id that has stood for two things, and so tells nothing."""

    def is_repeated(self, event: RealtimeEvent) -> bool:
        """Whether the event came before; remembers it."""
        event_id = event.event_id
        if not isinstance(event_id, str) or not event_id:
            return False
        fingerprint = hash(_said_by(type(event))(event))
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
        """Another connection begins, and its server may count from one again."""
        self._seen.clear()


@cache
def _said_by(event_class: type[RealtimeEvent]) -> attrgetter[Any]:
    """Reads what tells an event of this class from another of the same id."""
    said = ("item_id", "delta", "item")
    return attrgetter("type", *(name for name in said if name in event_class.__struct_fields__))
