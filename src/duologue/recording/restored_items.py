"""Items that a client sent again to another connection: they are in the conversation already, under other ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from duologue.events import (
    ConversationItem,
    ConversationItemCreateEvent,
    FunctionCallItem,
    FunctionCallOutputItem,
    MessageItem,
    RealtimeEvent,
    SessionUpdateEvent,
    is_set,
)

__all__ = ["RestoredItems"]

_REMEMBERED: Final = 10_000
"""Ids of items that are repetitions: more than a conversation is restored with."""

_Content = tuple[str, ...]


class RestoredItems:
    """Tells the items that a conversation restores from those that are new.

    After a reconnect a client first sends its configuration and the items of before, then anything else. Items of the
    same content as one that is there are repetitions, each once.
    """

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._waiting: Counter[_Content] = Counter()
        self._restoring = 0
        """The connection whose items are being sent again; 0 while there is none."""

    def begin(self, connection: int, items: Iterable[ConversationItem]) -> None:
        """Another connection is used; these items are in the conversation."""
        self._restoring = connection
        self._waiting = Counter(_content_of(item) for item in items)

    def sent(self, event: RealtimeEvent, connection: int) -> None:
        """The client sent an event."""
        if connection != self._restoring:
            return
        match event:
            case ConversationItemCreateEvent(item=item):
                content = _content_of(item)
                if self._waiting[content] > 0 and is_set(item.id) and isinstance(item.id, str):
                    self._waiting[content] -= 1
                    self._ids[item.id] = None
                    if len(self._ids) > _REMEMBERED:
                        del self._ids[next(iter(self._ids))]
            case SessionUpdateEvent():
                pass  # the configuration of before
            case _:
                self._restoring = 0

    def are_meant_by(self, event: RealtimeEvent) -> bool:
        """Whether an event of the server is about such an item."""
        item = getattr(event, "item", None)
        return getattr(event, "item_id", getattr(item, "id", None)) in self._ids


def _content_of(item: ConversationItem) -> _Content:
    match item:
        case MessageItem(role=role):
            return ("message", str(role), item.text)
        case FunctionCallItem(call_id=call_id) | FunctionCallOutputItem(call_id=call_id):
            return (str(item.type), str(call_id))
        case _:
            return (str(item.type),)
