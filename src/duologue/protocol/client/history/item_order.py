"""The order of a conversation's items, from what each says about the one before it.

Every item hangs below its predecessor, the newest first: put behind the same item, the later one stands in front. The
order is that tree read from the top, so that placing an item costs the same whenever it comes. An item whose
predecessor has not come hangs below an id that no item has yet, stands at the end meanwhile, and is in its place, with
all that follows it, as soon as the predecessor comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

__all__ = ["ItemOrder"]

_MANY_GONE: Final = 32
"""Places of deleted items that are kept at least: events about their neighbours may be on the way."""


class _Place(Struct, eq=False):
    item_id: str
    here: bool = False
    behind: list[_Place] = field(default_factory=list)
    """Places that named this one as their predecessor, oldest first."""


class ItemOrder:
    """Ids of items, in order."""

    def __init__(self) -> None:
        self._top = _Place("")
        self._places: dict[str, _Place] = {}
        self._missing: dict[str, _Place] = {}
        self._gone: dict[str, _Place] = {}
        """Deleted items; they still tell where what came behind them belongs."""
        self._cached: tuple[str, ...] | None = ()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._places

    @property
    def places(self) -> int:
        """All that is kept: items, deleted ones that others may stand behind, and ids that no item has yet."""
        return len(self._places) + len(self._gone) + len(self._missing)

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, in order; items without a known place come last."""
        if self._cached is None:
            read = tuple(self._read())
            if len(read) < len(self._places):
                # Two items that each claim to come behind the other hang nowhere: they go to the end.
                reached = set(read)
                read += tuple(item_id for item_id in self._places if item_id not in reached)
                self._chain(read)
            elif len(self._gone) > len(read) + _MANY_GONE and not self._missing:
                self._chain(read)
            self._cached = read
        return self._cached

    def place(self, item_id: str, *, after: str | None) -> None:
        """Put an item behind another, or first. What has a place keeps it."""
        if item_id in self._places:
            return
        place = self._missing.pop(item_id, None) or _Place(item_id)
        place.here = True
        self._places[item_id] = place
        self._below(after).behind.append(place)
        self._cached = None

    def append(self, item_id: str) -> None:
        """Put an item at the end."""
        ids = self.ids
        self.place(item_id, after=ids[-1] if ids else None)

    def remove(self, item_id: str) -> None:
        """Take an item out; what came behind it stays where it is."""
        place = self._places.pop(item_id, None)
        if place is not None:
            place.here = False
            self._gone[item_id] = place
            self._cached = None

    def _below(self, item_id: str | None) -> _Place:
        if item_id is None:
            return self._top
        place = self._places.get(item_id) or self._gone.get(item_id) or self._missing.get(item_id)
        if place is None:
            place = self._missing[item_id] = _Place(item_id)
        return place

    def _read(self) -> Iterator[str]:
        # Ids that no item has yet are read last, and each after the one that was missed before it.
        waiting = [*reversed(self._missing.values()), self._top]
        while waiting:
            place = waiting.pop()
            if place.here:
                yield place.item_id
            waiting.extend(place.behind)

    def _chain(self, ids: tuple[str, ...]) -> None:
        """Hang every item below the one before it, and forget all other places."""
        self._gone.clear()
        self._missing.clear()
        self._top.behind = []
        above = self._top
        for item_id in ids:
            place = self._places[item_id]
            place.behind = []
            above.behind.append(place)
            above = place
