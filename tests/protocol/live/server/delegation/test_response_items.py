"""Items for the Responses model: what is read, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.delegation.response_items import (
    CallOutput,
    ItemBuffer,
    TypedMessage,
    read_item,
)
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.server.account import MemoryAccount


@pytest.mark.parametrize(
    ("wire", "item"),
    [
        ({"type": "function_call_output", "call_id": "c", "output": "x"}, CallOutput("c", "x")),
        (
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
            CallOutput("c", "x"),
        ),
        ({"type": "message", "role": "user", "content": "Hello"}, TypedMessage("user", "Hello")),
        ({"role": "developer", "content": "Hello"}, TypedMessage("system", "Hello")),
        (
            {"type": "message", "role": "assistant", "content": [{"text": "One"}, {"text": "two"}]},
            TypedMessage("assistant", "One two"),
        ),
    ],
)
def test_outputs_and_messages_are_read(wire: dict[str, Any], item: CallOutput | TypedMessage) -> None:
    assert read_item(wire) == item


@pytest.mark.parametrize(
    ("wire", "param"),
    [
        ({}, "item.type"),
        ({"type": "item_reference", "id": "x"}, "item.type"),
        ({"type": 3}, "item.type"),
        ({"type": "function_call_output", "output": "x"}, "item.call_id"),
        ({"type": "function_call_output", "call_id": "c"}, "item.output"),
        ({"type": "message", "role": "robot", "content": "x"}, "item.role"),
        ({"type": "message", "role": [], "content": "x"}, "item.role"),
        ({"type": "message", "role": "user", "content": 3}, "item.content"),
        ({"type": "message", "role": "user", "content": [{"type": "input_image"}]}, "item.content[0]"),
        ({"type": "message", "role": "user", "content": ["x"]}, "item.content[0]"),
    ],
)
def test_other_items_are_refused_by_name(wire: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedCommand) as refused:
        read_item(wire)
    assert refused.value.param == param


def test_memory_is_counted_until_the_items_are_taken() -> None:
    account = MemoryAccount(1_000_000)
    items = ItemBuffer(account, LiveDefaults())
    items.add(CallOutput("c", "x"), {"output": "x"})
    items.add(TypedMessage("user", "x"), {"content": "x"})
    assert account.held["responses"] == len('{"output":"x"}{"content":"x"}')
    items.drop_outputs()
    assert account.held["responses"] == len('{"content":"x"}')
    assert items.take() == [TypedMessage("user", "x")]
    assert account.held["responses"] == 0
