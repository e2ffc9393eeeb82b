"""The part of a conversation that a response reads: all of it, or as much as fits into the model's context window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from duologue.events import ConversationItem, FunctionCallItem, FunctionCallOutputItem, RetentionRatioTruncation, is_set
from duologue.protocol.server.conversation.items import Entry
from duologue.protocol.server.token_usage import item_tokens

__all__ = ["Context", "ContextTooLong", "ContextWindow", "TruncationSettings", "newest_that_fit"]


class ContextTooLong(Exception):
    """The context does not fit, and `truncation` forbids to drop items."""

    def __init__(self, tokens: int, max_tokens: int) -> None:
        super().__init__(
            f"The conversation has {tokens} tokens, and a response reads {max_tokens} at most. Delete items, or set "
            "`truncation` to something other than 'disabled'."
        )


class TruncationSettings(Struct, frozen=True):
    """The session's `truncation`."""

    may_drop: bool = True
    retention_ratio: float = 1.0
    """When items must be dropped, drop until only this part of the limit is used. The start of the context then stays
    the same for several responses, which keeps prompt caches valid."""
    post_instructions_tokens: int | None = None
    """A limit for the conversation, in addition to the context window's."""

    @staticmethod
    def of(wire: Any) -> TruncationSettings:
        """The settings of a `truncation` that has been validated."""
        match wire:
            case "disabled":
                return TruncationSettings(may_drop=False)
            case RetentionRatioTruncation(retention_ratio=ratio, token_limits=limits):
                limit = limits.post_instructions if is_set(limits) else None
                return TruncationSettings(True, float(ratio), limit if is_set(limit) else None)
            case _:
                return TruncationSettings()


class Context(Struct, frozen=True):
    """What a response reads."""

    items: tuple[ConversationItem, ...] = ()
    tokens: int = 0

    @staticmethod
    def of(entries: Iterable[Entry]) -> Context:
        """Of these items."""
        entries = tuple(entries)
        return Context(tuple(entry.for_responder() for entry in entries), sum(map(_tokens, entries)))


class ContextWindow:
    """Chooses items, and remembers those it dropped: an item dropped for one response stays dropped for later ones."""

    def __init__(self) -> None:
        self._dropped: set[str] = set()

    def of_conversation(
        self, entries: Sequence[Entry], truncation: TruncationSettings, *, max_tokens: int, remember: bool
    ) -> Context:
        """What a response to the conversation reads. Raises ContextTooLong.

        `remember` is false for an out-of-band response, which must not decide what later responses read.
        """
        left = [entry for entry in entries if entry.item_id not in self._dropped] if self._dropped else entries
        read = newest_that_fit(left, truncation, max_tokens=max_tokens)
        if remember:
            self._dropped = set()
            if len(read) < len(entries):
                self._dropped = {entry.item_id for entry in entries} - {entry.item_id for entry in read}
        return Context.of(read)

    @staticmethod
    def of_input(entries: Sequence[Entry], truncation: TruncationSettings, *, max_tokens: int) -> Context:
        """What a response with its own `input` reads. Raises ContextTooLong."""
        return Context.of(newest_that_fit(entries, truncation, max_tokens=max_tokens))


def newest_that_fit(entries: Sequence[Entry], truncation: TruncationSettings, *, max_tokens: int) -> list[Entry]:
    """The newest entries that fit into `max_tokens`. A call and its output are kept or dropped together.

    The newest entry is always kept: without it there is nothing to answer. Raises ContextTooLong.
    """
    limit = max(max_tokens, 0)
    if truncation.post_instructions_tokens is not None:
        limit = min(limit, truncation.post_instructions_tokens)
    total = sum(map(_tokens, entries))
    if total <= limit:
        return list(entries)
    if not truncation.may_drop:
        raise ContextTooLong(total, limit)
    groups = _groups(entries)
    sizes = [sum(map(_tokens, group)) for group in groups]
    goal = int(limit * truncation.retention_ratio)
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
    """Tokens of an item, cached, because each response counts the whole conversation."""
    counted = entry.counted_tokens
    if counted is None or counted[0] is not entry.item or counted[1] is not entry.transcript:
        counted = entry.counted_tokens = (entry.item, entry.transcript, item_tokens(entry.for_responder()))
    return counted[2]


def _groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries that are kept or dropped together, in the order of the first of each group."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        match entry.item:
            case FunctionCallItem(call_id=str() as call_id) | FunctionCallOutputItem(call_id=call_id):
                key = f"call {call_id}"
            case _:
                key = f"item {entry.item_id}"
        groups.setdefault(key, []).append(entry)
    return list(groups.values())
