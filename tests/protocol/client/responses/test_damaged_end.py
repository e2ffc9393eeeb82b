"""What is read of a `response.done` that is malformed."""

from __future__ import annotations

from typing import Any

from duologue.codec.writing import to_plain
from duologue.events import UnknownRealtimeEvent
from duologue.protocol.client.responses.damaged_end import readable_end

MESSAGE = {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}


def damaged(**response: Any) -> UnknownRealtimeEvent:
    return UnknownRealtimeEvent(json={"type": "response.done", "response": response}, problem="damaged")


def test_every_field_and_every_item_that_is_well_formed_is_read() -> None:
    event = readable_end(damaged(id="r", status="completed", usage="much", output=[MESSAGE, {"type": 5}], metadata=[]))
    assert event is not None
    assert to_plain(event.response) == {"id": "r", "status": "completed", "output": [MESSAGE]}


def test_another_event_and_one_without_a_response_are_no_end() -> None:
    assert readable_end(UnknownRealtimeEvent(json={"type": "response.made_up", "response": {}}, problem="")) is None
    assert readable_end(UnknownRealtimeEvent(json={"type": "response.done", "response": 5}, problem="")) is None
    assert readable_end(UnknownRealtimeEvent(json={}, problem="")) is None
