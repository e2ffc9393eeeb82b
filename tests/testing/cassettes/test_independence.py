"""Events whose order has no meaning."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.testing.cassettes.independence import are_independent


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def output(call_id: str, **fields: Any) -> dict[str, Any]:
    item = {"type": "function_call_output", "call_id": call_id, "output": "1"}
    return {"type": "conversation.item.create", "item": item, **fields}


INSIDE: dict[str, Any] = {"audio": {"input": {"transcription": None}}}
BESIDE: dict[str, Any] = {"audio": {"output": {"voice": "marin"}}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (update(instructions="a"), update(tracing=None)),
        (update(**INSIDE), update(**BESIDE)),
        (output("call_1"), output("call_2")),
    ],
)
def test_settings_of_different_fields_and_outputs_of_different_calls_are(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert are_independent(one, other)
    assert are_independent(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (update(instructions="a"), update(instructions="b")),
        (update(**INSIDE), update(audio=None)),
        (update(), {"type": "session.update"}),
        (update(), {"type": "response.create"}),
        (output("call_1"), output("call_1")),
        (output("call_1", previous_item_id="item_1"), output("call_2")),
        ({"type": "conversation.item.create", "item": {"type": "message"}}, output("call_2")),
        ({"type": "response.create"}, {"type": "response.create"}),
        (None, update()),
    ],
)
def test_others_are_not(one: dict[str, Any] | None, other: dict[str, Any]) -> None:
    assert not are_independent(one, other)
    assert not are_independent(other, one)
