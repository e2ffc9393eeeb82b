"""The order of items, rebuilt from a trace."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.conformance.rulebook.item_order import prev_chain
from duologue.conformance.wire.trace import Trace, WireMessage

Event = dict[str, Any]


def _trace(*events: Event, sent: tuple[Event, ...] = ()) -> Trace:
    messages = [WireMessage(side="C", at_s=0.0, event=event) for event in sent]
    messages += [WireMessage(side="S", at_s=0.0, event=event) for event in events]
    return Trace(name="by hand", messages=messages)


def _item(type: str, id: str, before: str | None = None, role: str = "user") -> Event:
    return {"type": type, "previous_item_id": before, "item": {"id": id, "role": role}}


@pytest.mark.parametrize(
    ("added", "faults"),
    [
        ([("item_1", None), ("item_2", "item_1"), ("item_3", "item_2")], 0),
        ([("item_1", None), ("item_2", None)], 1),
        ([("item_1", "item_0")], 1),
        ([("item_1", None), ("item_2", "item_1"), ("item_3", "item_1")], 1),
    ],
)
def test_items_at_the_end_name_the_last_one(added: list[tuple[str, str | None]], faults: int) -> None:
    trace = _trace(*(_item("conversation.item.added", id, before) for id, before in added))
    assert len([fault for fault in prev_chain(trace) if fault]) == faults


def test_items_that_the_client_puts_elsewhere_name_the_one_before_them() -> None:
    def command(id: str, before: str) -> Event:
        return {"type": "conversation.item.create", "previous_item_id": before, "item": {"id": id}}

    events = [
        _item("conversation.item.added", "item_1"),
        _item("conversation.item.added", "item_2", "item_1"),
        _item("conversation.item.added", "item_0"),
        _item("conversation.item.added", "item_between", "item_1"),
        _item("conversation.item.added", "item_3", "item_2"),
        {"type": "conversation.item.deleted", "item_id": "item_3"},
        _item("conversation.item.added", "item_4", "item_2"),
    ]
    sent = (command("item_0", "root"), command("item_between", "item_1"))
    assert [fault for fault in prev_chain(_trace(*events, sent=sent)) if fault] == []


def test_a_committed_item_is_in_its_place_before_it_is_added() -> None:
    events = [
        {"type": "input_audio_buffer.committed", "item_id": "item_1", "previous_item_id": None},
        _item("conversation.item.added", "item_2", "item_1", role="assistant"),
        _item("conversation.item.added", "item_1"),
    ]
    assert [fault for fault in prev_chain(_trace(*events)) if fault] == []
