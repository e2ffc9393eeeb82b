"""The order of a conversation's items, from each item's `previous_item_id` (rules `prev_chain`, `item.insert`).

Items form a tree: an item is a child of its predecessor, and the newest child comes first. The order is that tree in
preorder, so that an item costs the same wherever it is placed. An item whose predecessor has not arrived is a child of
a place without an item. It comes last until the predecessor arrives; then it moves there with all its successors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

__all__ = ["ItemOrder"]

_KEPT_REMOVED: Final = 32
"""This many places of deleted items are always kept: events that name them as predecessors may be on the way."""


class _Place(Struct, eq=False):
    item_id: str
    present: bool = False
    successors: list[_Place] = field(default_factory=list)
    """Places that name this one as their predecessor, oldest first."""


class ItemOrder:
    """Ids of items, in order."""

    def __init__(self) -> None:
        self._root = _Place("")
        self._places: dict[str, _Place] = {}
        self._missing: dict[str, _Place] = {}
        self._removed: dict[str, _Place] = {}
        """Deleted items; they still have the places of their successors."""
        self._cached: tuple[str, ...] | None = ()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._places

    @property
    def places(self) -> int:
        """Number of places: of items, of deleted items, and of predecessors that have not arrived."""
        return len(self._places) + len(self._removed) + len(self._missing)

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, in order; items without a known place come last."""
        if self._cached is None:
            read = tuple(self._read())
            if len(read) < len(self._places):
                # Items that name each other as predecessors are not reachable from the root: they come last.
                reached = set(read)
                read += tuple(item_id for item_id in self._places if item_id not in reached)
                self._chain(read)
            elif len(self._removed) > len(read) + _KEPT_REMOVED and not self._missing:
                self._chain(read)
            self._cached = read
        return self._cached

    def place(self, item_id: str, *, after: str | None) -> None:
        """Put an item behind another one, or first. An item that has a place keeps it."""
        if item_id in self._places:
            return
        place = self._missing.pop(item_id, None) or _Place(item_id)
        place.present = True
        self._places[item_id] = place
        self._place_of(after).successors.append(place)
        self._cached = None

    def append(self, item_id: str) -> None:
        """Put an item at the end."""
        ids = self.ids
        self.place(item_id, after=ids[-1] if ids else None)

    def remove(self, item_id: str) -> None:
        """Remove an item; its successors keep their places."""
        place = self._places.pop(item_id, None)
        if place is not None:
            place.present = False
            self._removed[item_id] = place
            self._cached = None

    def _place_of(self, item_id: str | None) -> _Place:
        if item_id is None:
            return self._root
        place = self._places.get(item_id) or self._removed.get(item_id) or self._missing.get(item_id)
        if place is None:
            place = self._missing[item_id] = _Place(item_id)
        return place

    def _read(self) -> Iterator[str]:
        # Successors of missing predecessors come last, in the order in which the predecessors were first named.
        waiting = [*reversed(self._missing.values()), self._root]
        while waiting:
            place = waiting.pop()
            if place.present:
                yield place.item_id
            waiting.extend(place.successors)

    def _chain(self, ids: tuple[str, ...]) -> None:
        """Make every item the only successor of the one before it, and forget all other places."""
        self._removed.clear()
        self._missing.clear()
        self._root.successors = []
        above = self._root
        for item_id in ids:
            place = self._places[item_id]
            place.successors = []
            above.successors.append(place)
            above = place
