"""What is read of a `response.done` that is malformed."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.codec.writing import to_plain
from duologue.events import UnknownRealtimeEvent
from duologue.protocol.client.responses.damaged_end import readable_end
from tests.protocol._telling import WORDS, Telling, created, done, text_block

MESSAGE = {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}


def damaged(**response: Any) -> UnknownRealtimeEvent:
    return UnknownRealtimeEvent(json={"type": "response.done", "response": response}, problem="damaged")


def test_every_field_and_every_item_that_is_well_formed_is_read() -> None:
    event = readable_end(damaged(id="r", status="completed", usage="much", output=[MESSAGE, {"type": 5}], metadata=[]))
    assert event is not None
    assert to_plain(event.response) == {"id": "r", "status": "completed", "output": [MESSAGE]}


def test_another_event_is_no_end() -> None:
    assert readable_end(UnknownRealtimeEvent(json={"type": "response.made_up", "response": {}}, problem="")) is None
    assert readable_end(UnknownRealtimeEvent(json={}, problem="")) is None


@pytest.mark.parametrize("frame", [{}, {"response": None}, {"response": "done"}, {"response": {"status": "completed"}}])
def test_an_end_that_names_no_response_is_that_of_the_only_one_that_runs(frame: dict[str, Any]) -> None:
    told = Telling()
    request = told.ask()
    told.tell(created(request), *text_block(), {"type": "response.done", **frame})
    (end,) = told.ends
    assert end.done is not None
    known = "completed" if isinstance(frame.get("response"), dict) else "unknown"
    assert (end.request, end.done.response.status, told.words()) == (request, known, WORDS)
    second = told.ask()
    told.tell(created(second, "r2"), done(second, "r2"))
    assert [end.request for end in told.ends] == [request, second]


def test_an_end_that_names_no_response_while_two_run_ends_neither() -> None:
    told = Telling()
    told.tell(created(told.ask()), created(None, "vad"), {"type": "response.done"})
    assert told.ends == []
