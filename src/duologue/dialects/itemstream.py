"""Turns the items of a beta server's stream into those of a GA server's, and back.

Beta announces an item once, with `conversation.item.created`, a model's item while it is still empty. GA does it
twice: `added` when it enters the conversation and `done` when it is final. So the translation needs the stream in its
order, not single events: a client's item and a turn of speech are final at once, a model's item when the response is
done with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET, Struct

from duologue.events import (
    ConversationItem,
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemDoneEvent,
    Extra,
    RealtimeEvent,
    ResponseDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
)

__all__ = ["AddedToCreated", "CreatedToAdded"]

_REMEMBERED_ITEMS: Final = 64
"""How many finished items are kept, to drop a second `done` for them; it follows within a few events."""


class _Open(Struct):
    """An item that the model is still making."""

    response_id: str | None
    created: ConversationItemCreatedEvent | None = None


class CreatedToAdded:
    """A beta stream in, a GA stream out. One per connection, fed with every server event in order."""

    def __init__(self, *, new_event_id: Callable[[], str]) -> None:
        self._new_event_id = new_event_id
        self._open: dict[str, _Open] = {}
        self._done: dict[str, ConversationItem] = {}

    def receive(self, event: RealtimeEvent) -> list[RealtimeEvent]:
        """The events that stand for this one, none to many."""
        match event:
            case ResponseOutputItemAddedEvent():
                self._open[_id(event.item)] = _Open(event.response_id)
                return [event]
            case ConversationItemCreatedEvent():
                return self._created(event)
            case ResponseOutputItemDoneEvent():
                return [*self._finish(_id(event.item), event.item), event]
            case ResponseDoneEvent():
                return [*self._rest_of(event), event]
            case ConversationItemDoneEvent():
                # Some servers send both `created` and `done`: a `done` that was sent already is dropped.
                self._open.pop(_id(event.item), None)
                return [] if self._done.get(_id(event.item)) == event.item else [event]
            case _:
                return [event]

    def _created(self, event: ConversationItemCreatedEvent) -> list[RealtimeEvent]:
        added = ConversationItemAddedEvent(
            event_id=event.event_id, previous_item_id=event.previous_item_id, item=event.item, extra=_fields(event)
        )
        identifier = _id(event.item)
        if getattr(event.item, "status", UNSET) == "in_progress":
            self._open.setdefault(identifier, _Open(None))
        if identifier in self._open:
            self._open[identifier].created = event
            return [added]
        return [added, self._done_event(event, event.item)]

    def _finish(self, identifier: str, item: ConversationItem) -> list[RealtimeEvent]:
        begun = self._open.pop(identifier, None)
        return [] if begun is None or begun.created is None else [self._done_event(begun.created, item)]

    def _rest_of(self, event: ResponseDoneEvent) -> list[RealtimeEvent]:
        """The items of a response that was cut off before it was done with them."""
        final = {_id(item): item for item in event.response.output or ()}
        ended = [
            (identifier, begun.created.item)
            for identifier, begun in self._open.items()
            if begun.created is not None and (begun.response_id == event.response.id or identifier in final)
        ]
        return [done for identifier, item in ended for done in self._finish(identifier, final.get(identifier, item))]

    def _done_event(self, created: ConversationItemCreatedEvent, item: ConversationItem) -> RealtimeEvent:
        while len(self._done) >= _REMEMBERED_ITEMS:
            del self._done[next(iter(self._done))]
        self._done[_id(item)] = item
        return ConversationItemDoneEvent(
            event_id=self._new_event_id(), previous_item_id=created.previous_item_id, item=item
        )


class AddedToCreated:
    """A GA stream in, a beta stream out."""

    def receive(self, event: RealtimeEvent) -> list[RealtimeEvent]:
        """The events that stand for this one: one, or none for an item's end, which beta reports by other events."""
        match event:
            case ConversationItemAddedEvent():
                return [
                    ConversationItemCreatedEvent(
                        event_id=event.event_id,
                        previous_item_id=event.previous_item_id,
                        item=event.item,
                        extra=_fields(event),
                    )
                ]
            case ConversationItemDoneEvent():
                return []
            case _:
                return [event]


def _id(item: ConversationItem) -> str:
    identifier: Any = item.id
    return identifier if isinstance(identifier, str) else ""


def _fields(event: RealtimeEvent) -> Extra:
    """Foreign fields of an event, without the frame that it came as."""
    return Extra(event.extra, dialect=event.extra.dialect)
