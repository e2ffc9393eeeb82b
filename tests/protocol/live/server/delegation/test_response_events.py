"""The events of one response, in published shapes and order."""

from __future__ import annotations

import itertools
from typing import Any

from duologue.events.live import LiveFunctionCall, LiveResponseEvent, LiveResponsesBackend, LiveToolChoiceFunction
from duologue.protocol.live.server.delegation.response_events import ResponseStream
from duologue.protocol.live.server.outgoing import LiveOutbox


def stream() -> tuple[ResponseStream, LiveOutbox]:
    numbers = itertools.count(1)
    out = LiveOutbox(lambda kind: f"{kind}_{next(numbers)}")
    settings = LiveResponsesBackend(model="text-1", tool_choice=LiveToolChoiceFunction(name="track"))
    return ResponseStream(out, response_id="resp_1", delegation_id="item_1", settings=settings, created_at=7), out


def events(out: LiveOutbox) -> list[dict[str, Any]]:
    taken = [outgoing.event for outgoing in out.take_events()]
    assert all(isinstance(event, LiveResponseEvent) for event in taken)
    return [event.event for event in taken if isinstance(event, LiveResponseEvent)]


def test_a_message_is_opened_written_and_closed() -> None:
    response, out = stream()
    response.begin()
    response.text("It comes")
    response.text(" on Tuesday.")
    response.complete()
    written = events(out)
    assert [event["type"].removeprefix("response.") for event in written] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert written[2]["item"]["content"] == []
    assert written[6]["text"] == written[8]["item"]["content"][0]["text"] == "It comes on Tuesday."
    assert {event["item_id"] for event in written[3:8]} == {written[2]["item"]["id"]}
    assert written[-1]["response"] | {"status": "in_progress"} == written[0]["response"]


def test_snapshots_have_the_settings_that_the_response_was_made_with_and_no_content() -> None:
    response, out = stream()
    response.begin()
    assert events(out)[0]["response"] == {
        "id": "resp_1",
        "object": "response",
        "created_at": 7,
        "status": "in_progress",
        "model": "text-1",
        "parallel_tool_calls": True,
        "tool_choice": {"type": "function", "name": "track"},
        "output": [],
        "tools": [],
    }


def test_a_call_behind_a_message_has_the_next_index() -> None:
    response, out = stream()
    response.begin()
    response.text("One moment.")
    response.call(LiveFunctionCall(call_id="call_1", name="track", arguments='{"id": 7}'))
    response.complete()
    written = events(out)
    done = [event for event in written if event["type"] == "response.output_item.done"]
    assert [(event["output_index"], event["item"]["type"]) for event in done] == [(0, "message"), (1, "function_call")]
    assert done[1]["item"] | {"id": ""} == {
        "id": "",
        "type": "function_call",
        "status": "completed",
        "call_id": "call_1",
        "name": "track",
        "arguments": '{"id": 7}',
    }


def test_a_call_without_arguments_has_no_delta() -> None:
    response, out = stream()
    response.call(LiveFunctionCall(call_id="call_1", name="track", arguments=""))
    assert not any(event["type"].endswith("arguments.delta") for event in events(out))


def test_a_failure_closes_what_is_open_and_says_why() -> None:
    response, out = stream()
    response.text("It")
    response.fail("the model broke")
    written = events(out)
    assert written[-2]["type"] == "response.output_item.done"
    assert written[-1]["response"]["error"] == {"code": "server_error", "message": "the model broke"}
