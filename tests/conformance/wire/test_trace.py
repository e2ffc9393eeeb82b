"""Messages and traces."""

from __future__ import annotations

import pytest

from duologue.conformance.wire.trace import Json, Trace, WireMessage, look

EVENT: Json = {"type": "response.done", "response": {"id": "resp_1", "output": [{"id": "item_1"}]}, "item_id": 7}


@pytest.mark.parametrize(
    ("path", "value"),
    [("response.output.0.id", "item_1"), ("response.output.1.id", None), ("type.x", None), ("response.id", "resp_1")],
)
def test_a_path_leads_through_objects_and_lists(path: str, value: str | None) -> None:
    assert look(EVENT, path) == value


def test_ids_are_strings_and_responses_are_grouped_by_theirs() -> None:
    message = WireMessage(side="S", at_s=0.0, event=EVENT)
    assert message.ids == {"resp_1"}
    other = WireMessage(side="C", at_s=0.0, event={"type": "response.cancel", "response_id": "resp_1"})
    assert Trace(name="by hand", messages=[other, message]).responses() == {"resp_1": [message]}
