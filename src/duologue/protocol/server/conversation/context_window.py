"""What of a conversation a response reads: all of it, or as much as the model's window holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from duologue.events import ConversationItem, FunctionCallItem, FunctionCallOutputItem, RetentionRatioTruncation, is_set
from duologue.protocol.server.conversation.items import Entry
from duologue.protocol.server.token_usage import item_tokens

__all__ = ["Context", "ContextTooLong", "Truncating", "fitting"]


class ContextTooLong(Exception):
    """A context does not fit and nothing of it may be dropped."""

    def __init__(self, tokens: int, most_tokens: int) -> None:
        super().__init__(
            f"The conversation has {tokens} tokens, and a response reads {most_tokens} at most. Delete items, or set "
            "`truncation` to something other than 'disabled'."
        )


class Truncating(Struct, frozen=True):
    """What a session's `truncation` comes down to."""

    may_drop: bool = True
    retention_ratio: float = 1.0
    """Once something must be dropped, so much is that this part of the limit is used: then nothing need be dropped for
    a while, and the beginning of the context stays the same from one response to the next."""
    post_instructions_tokens: int | None = None
    """The conversation's own limit, below what the window leaves it."""

    @staticmethod
    def of(wire: Any) -> Truncating:
        """The settings that a checked `truncation` describes."""
        match wire:
            case "disabled":
                return Truncating(may_drop=False)
            case RetentionRatioTruncation(retention_ratio=ratio, token_limits=limits):
                limit = limits.post_instructions if is_set(limits) else None
                return Truncating(True, float(ratio), limit if is_set(limit) else None)
            case _:
                return Truncating()


class Context:
    """Chooses, and remembers what it has left out: an item that one response could not read comes back in no other."""

    def __init__(self) -> None:
        self._dropped: set[str] = set()

    def of_conversation(
        self, entries: Sequence[Entry], truncating: Truncating, *, most_tokens: int, remember: bool
    ) -> tuple[ConversationItem, ...]:
        """What a response to the conversation reads; raises ContextTooLong.

        `remember`: the response is part of the conversation. One beside it, with instructions of its own, must not
        decide what the conversation can still read.
        """
        left = [entry for entry in entries if entry.item_id not in self._dropped]
        read = fitting(left, truncating, most_tokens=most_tokens)
        if remember:
            self._dropped = {entry.item_id for entry in entries} - {entry.item_id for entry in read}
        return tuple(entry.understood() for entry in read)

    @staticmethod
    def of_input(entries: Sequence[Entry], truncating: Truncating, *, most_tokens: int) -> tuple[ConversationItem, ...]:
        """What a response to items of its own reads; raises ContextTooLong."""
        return tuple(entry.understood() for entry in fitting(entries, truncating, most_tokens=most_tokens))


def fitting(entries: Sequence[Entry], truncating: Truncating, *, most_tokens: int) -> list[Entry]:
    """The newest entries that fit into `most_tokens`; never a call without its output, or the reverse.

    The newest of all is always read: without it there would be nothing to answer. Raises ContextTooLong.
    """
    limit = max(most_tokens, 0)
    if truncating.post_instructions_tokens is not None:
        limit = min(limit, truncating.post_instructions_tokens)
    groups = _groups(entries)
    sizes = [sum(map(_tokens, group)) for group in groups]
    total = sum(sizes)
    if total <= limit:
        return list(entries)
    if not truncating.may_drop:
        raise ContextTooLong(total, limit)
    goal = int(limit * truncating.retention_ratio)
    newest = entries[-1]
    kept = dict.fromkeys(range(len(groups)))
    for index, group in enumerate(groups):
        if total <= goal:
            break
        if newest in group:
            continue
        del kept[index]
        total -= sizes[index]
    read = {entry.item_id for index in kept for entry in groups[index]}
    return [entry for entry in entries if entry.item_id in read]


def _tokens(entry: Entry) -> int:
    """Tokens of an item, counted once: each response asks for those of the whole conversation."""
    measured = entry.measured
    if measured is None or measured[0] is not entry.item or measured[1] is not entry.heard:
        measured = entry.measured = (entry.item, entry.heard, item_tokens(entry.understood()))
    return measured[2]


def _groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries that stay or go together, by the place of the first of each."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        match entry.item:
            case FunctionCallItem(call_id=str() as call_id) | FunctionCallOutputItem(call_id=call_id):
                key = f"call {call_id}"
            case _:
                key = f"item {entry.item_id}"
        groups.setdefault(key, []).append(entry)
    return list(groups.values())
