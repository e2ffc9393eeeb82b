"""Whether `previous_item_id` tells the truth: a conversation rebuilt from what the server says of it."""

from __future__ import annotations

from collections.abc import Iterator

from duologue.conformance.wire.trace import Trace, WireMessage

__all__ = ["prev_chain"]


def prev_chain(trace: Trace) -> Iterator[str | None]:
    """The order of the items is kept here; each added or committed item must name the one that is before it.

    An item that is appended comes after the last. One that the client put elsewhere comes after what its command names.
    What was committed and is not yet added counts as there: the next item names it.
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
    told = message.event.get("previous_item_id")
    if item_id in order:  # committed before, and its place is known
        at = order.index(item_id)
    else:
        at = 0 if requested == "root" else order.index(requested) + 1 if requested in order else len(order)
        order.insert(at, item_id)
    before = order[at - 1] if at else None
    return (
        None if told == before else f"{message.type} of {item_id} names {told}, and {before or 'nothing'} is before it"
    )
