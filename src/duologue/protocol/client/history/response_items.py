"""Which items each response has told, and a `response.done` with those that it leaves out.

Some servers send `response.done` with an output that is absent, null, empty or without the words, because all of it was
told before (rule `response.output` of the published schema has final items there).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET

from duologue.events import ConversationItem, FunctionCallItem, MessageItem, ResponseDoneEvent, is_set
from duologue.protocol.client.history.item_builder import ItemBuilder
from duologue.protocol.client.history.item_merge import words_of_item
from duologue.protocol.client.history.words import told_before
from duologue.protocol.client.response_ids import response_id_of

__all__ = ["ResponseItems", "key_of"]

_REMEMBERED: Final = 64
"""Responses whose items are known; their late or repeated events arrive within the same turn or never."""

_NO_ID: Final = "item {index} of {response_id}"
"""Key of an item to which the server gives no id."""


def key_of(item_id: object, response_id: str, output_index: int) -> str:
    """What identifies an item: its id, or its place in its response."""
    return str(item_id) if is_set(item_id) and item_id else _NO_ID.format(index=output_index, response_id=response_id)


class ResponseItems:
    """Items by response, in the order of the output. `builders` has what was told of each item."""

    def __init__(self, builders: Mapping[str, ItemBuilder]) -> None:
        self._builders = builders
        self._indexes: dict[str, dict[str, int]] = {}
        self._without_id: set[str] = set()
        self._ended: dict[str, bool] = {}

    def told(self, response_id: str, key: str, output_index: int, *, has_id: bool) -> None:
        """An event of a response tells of an item."""
        items = self._indexes.get(response_id)
        if items is None:
            items = self._indexes[response_id] = {}
            if len(self._indexes) > _REMEMBERED:
                self._forget(next(iter(self._indexes)))
        items.setdefault(key, output_index)
        if not has_id:
            self._without_id.add(key)

    def has_told(self, response_id: str) -> bool:
        """Whether an event of this response has told of an item."""
        return bool(self._indexes.get(response_id))

    def ended(self, response_id: str, *, in_conversation: bool) -> None:
        """A response has ended."""
        if not response_id:
            self._forget(response_id)  # the next response has no id either
        else:
            self._ended[response_id] = in_conversation
            if len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]

    def has_ended_in_conversation(self, response_id: str) -> bool:
        """Whether a late item of this response belongs to the conversation."""
        return self._ended.get(response_id, False)

    def completed(self, event: ResponseDoneEvent) -> ResponseDoneEvent:
        """The event with the items, words and arguments that were told before and that its output lacks."""
        response = event.response
        told = self._indexes.get(response_id_of(response), {})
        left = [key for key in sorted(told, key=told.__getitem__) if key in self._builders]
        before = list(response.output) if is_set(response.output) else []
        output: list[ConversationItem] = []
        for item in before:
            named = getattr(item, "id", None)
            key = named if named in left else next((key for key in left if self._is_same(key, item)), None)
            if key is not None:
                left.remove(key)
                item = self._builders[key].completed(item)
                if key != named and key not in self._without_id:
                    item = msgspec.structs.replace(item, id=key)
            output.append(item)
        for key in left:
            told_item = self._told_item(key)
            if told_item is not None:
                output.insert(told[key], told_item)
        if output == before:
            return event
        return msgspec.structs.replace(event, response=msgspec.structs.replace(response, output=output))

    def clear(self) -> None:
        """Another session begins."""
        self._indexes.clear()
        self._without_id.clear()
        self._ended.clear()

    def _forget(self, response_id: str) -> None:
        self._without_id.difference_update(self._indexes.pop(response_id, {}))

    def _told_item(self, key: str) -> ConversationItem | None:
        """The item as it was told; None if no event has told anything in it."""
        item = self._builders[key].snapshot().item
        if isinstance(item, MessageItem) and not item.content:
            return None
        return msgspec.structs.replace(item, id=UNSET) if key in self._without_id else item

    def _is_same(self, key: str, item: ConversationItem) -> bool:
        """Whether an item of the output is one that was told under another id, or under none: by what it says."""
        told = self._builders[key].snapshot().item
        if isinstance(item, FunctionCallItem) and isinstance(told, FunctionCallItem):
            ids = {call_id for call_id in (item.call_id, told.call_id) if is_set(call_id) and call_id}
            return len(ids) < 2 and (len(ids) == 1 or item.name == told.name)
        if not isinstance(item, MessageItem) or not isinstance(told, MessageItem):
            return False
        words, told_words = words_of_item(item), words_of_item(told)
        has_no_id = key in self._without_id or not is_set(item.id)
        return has_no_id or words == told_words or told_before(words, told_words) or told_before(told_words, words)
