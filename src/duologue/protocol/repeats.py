"""Events that came before: some servers, proxies and reconnecting relays deliver one twice."""

from __future__ import annotations

from typing import Final

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
        fingerprint = hash(
            (event.type, getattr(event, "item_id", None), getattr(event, "delta", None), getattr(event, "item", None))
        )
        if event_id in self._seen:
            if self._seen[event_id] == fingerprint:
                return True
            self._seen[event_id] = None
            return False
        self._seen[event_id] = fingerprint
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return False

    def clear(self) -> None:
        """Another connection begins, and its server may count from one again."""
        self._seen.clear()
