"""Checks `previous_item_id` against the order of items, rebuilt from the server's events (rule `prev_chain`)."""

from __future__ import annotations

from collections.abc import Iterator

from duologue.conformance.wire.trace import Trace, WireMessage

__all__ = ["prev_chain"]


def prev_chain(trace: Trace) -> Iterator[str | None]:
    """Each added or committed item must name the item before it. Yields a sentence, or None where it does.

    A new item comes last, or after the item that the client's command names. An item that was committed and is not
    yet added has its place already: the next item names it.
    """
    order: list[str] = []
    requested = {
        str(each.get("item.id")): each.event.get("previous_item_id")
        for each in trace.sent("conversation.item.create")
        if each.get("item.id") is not None
    }
    for each in trace.received():
        match each.type:
            case "input_audio_buffer.committed" if each.get("item_id") is not None:
                yield _mismatch(each, str(each.get("item_id")), order, None)
            case "conversation.item.added" if each.get("item.id") is not None:
                item_id = str(each.get("item.id"))
                yield _mismatch(each, item_id, order, requested.get(item_id))
            case "conversation.item.deleted" if each.get("item_id") in order:
                order.remove(str(each.get("item_id")))
            case _:
                pass  # messages that do not change the order


def _mismatch(message: WireMessage, item_id: str, order: list[str], requested: str | None) -> str | None:
    named = message.event.get("previous_item_id")
    if item_id in order:  # committed before: its place is known
        at = order.index(item_id)
    else:
        at = 0 if requested == "root" else order.index(requested) + 1 if requested in order else len(order)
        order.insert(at, item_id)
    before = order[at - 1] if at else None
    if named == before:
        return None
    return f"{message.type} of {item_id} names {named}, and {before or 'nothing'} is before it"
