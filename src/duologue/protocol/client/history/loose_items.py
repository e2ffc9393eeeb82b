"""The model's messages that no event of a response has named, and the response that they came in.

Some servers tell an answer with an event of its item alone, and leave the output of the response empty.
"""

from __future__ import annotations

from typing import Final

from duologue.events import ConversationItem, MessageItem, is_set
from duologue.protocol.client.dispatch import EventContext

__all__ = ["LooseItems"]

_MAX_ITEMS: Final = 64  # of one response, which has one or two


class LooseItems:
    """Messages of the model that entered the conversation while its latest response ran."""

    def __init__(self) -> None:
        self._response_id: str | None = None
        self._item_ids: list[str] = []

    def begins(self, response_id: str, context: EventContext) -> None:
        """A response begins; what comes while one out of band runs may be any response's, and counts for none."""
        self._response_id = None if context.out_of_band else response_id
        self._item_ids.clear()

    def told(self, item: ConversationItem, context: EventContext, *, known: bool) -> None:
        """An event of an item; `known` says that it is not the first one."""
        is_models = isinstance(item, MessageItem) and item.role == "assistant" and context.command is None
        if is_models and not known and is_set(item.id) and len(self._item_ids) < _MAX_ITEMS:
            self._item_ids.append(str(item.id))

    def of(self, response_id: str) -> list[str]:
        """Ids of those that came while this response ran, in order."""
        return list(self._item_ids) if response_id == self._response_id else []
