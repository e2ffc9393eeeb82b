"""Function calls: what a response with calls looks like, who may be called, and what is read of it later."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import FunctionCallItem, FunctionCallOutputItem, FunctionTool
from duologue.protocol import Respond, StopResponse
from duologue.testing import Pair, play
from tests.protocol._wire import client_event, create, invalid, respond, session_of, types, update, user_text

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city.",
    "parameters": {"$schema": "s", "type": "object", "properties": {"city": {"type": "string"}}},
}
CLOCK: dict[str, Any] = {"type": "function", "name": "get_time"}
PARIS = '{"city": "Paris"}'
CALL_BLOCK = [
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
]


def output(call_id: str, words: str = "sunny") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": words}


def test_a_call_has_its_events_in_order(pair: Pair) -> None:
    pair.send(update(tools=[WEATHER]), create(user_text("hi")))
    where = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0}
    head = {"item.type": "function_call", "item.id": "item_2", "item.name": "get_weather", "item.call_id": "call_1"}
    begun = {**head, "item.status": "in_progress", "item.arguments": ""}
    whole = {**head, "item.status": "completed", "item.arguments": PARIS}
    play(
        pair,
        [
            respond(),
            "response.created",
            lambda: pair.calls("get_weather", PARIS),
            ("response.output_item.added", {"response_id": "resp_1", "output_index": 0, **begun}),
            ("conversation.item.added", {"previous_item_id": "item_1", **begun}),
            ("response.function_call_arguments.delta", {**where, "call_id": "call_1", "delta": PARIS}),
            (
                "response.function_call_arguments.done",
                {**where, "call_id": "call_1", "name": "get_weather", "arguments": PARIS},
            ),
            ("conversation.item.done", {"previous_item_id": "item_1", **whole}),
            ("response.output_item.done", {"response_id": "resp_1", "output_index": 0, **whole}),
            pair.finishes,
            ("response.done", {"response.status": "completed", "response.output.0.arguments": PARIS}),
        ],
    )


def test_a_message_is_closed_before_the_calls_behind_it_and_each_has_its_index(pair: Pair) -> None:
    pair.send(respond())
    pair.responds("Let me look.")
    pair.synthesizes(bytes(480))
    first, second = pair.calls("get_weather", PARIS), pair.calls("get_time")
    assert types(first) == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        *CALL_BLOCK,
    ]
    assert types(second) == CALL_BLOCK
    assert first[4].to_json()["item"]["status"] == "completed"
    assert (first[5].to_json()["output_index"], second[0].to_json()["output_index"]) == (1, 2)
    assert first[6].to_json()["previous_item_id"] == "item_1"
    [done] = pair.finishes()
    kinds = [item["type"] for item in done.to_json()["response"]["output"]]
    assert kinds == ["message", "function_call", "function_call"]


def test_words_behind_a_call_begin_another_message(pair: Pair) -> None:
    pair.send(respond(output_modalities=["text"]))
    pair.calls("get_time")
    assert types(pair.responds("Meanwhile"))[:1] == ["response.output_item.added"]
    [*_, done] = pair.finishes()
    assert [item["type"] for item in done.to_json()["response"]["output"]] == ["function_call", "message"]


def test_a_call_without_arguments_has_no_delta_and_an_empty_whole(pair: Pair) -> None:
    pair.send(respond())
    assert types(pair.calls("get_time", "")) == [name for name in CALL_BLOCK if not name.endswith(".delta")]


def test_a_call_out_of_band_leaves_the_conversation_alone(pair: Pair) -> None:
    pair.send(respond(conversation="none"))
    assert [name for name in types(pair.calls("get_time")) if str(name).startswith("conversation.")] == []
    assert list(pair.server.conversation) == []


def test_a_cancelled_response_keeps_the_calls_that_were_made(pair: Pair) -> None:
    pair.send(respond())
    pair.calls("get_time")
    pair.responds("and")
    *_, done = pair.send(client_event("response.cancel"))
    statuses = [item["status"] for item in done.to_json()["response"]["output"]]
    assert statuses == ["completed", "incomplete"]
    assert pair.calls("get_time", response_id="resp_1") == []


def test_without_parallel_calls_the_first_one_ends_the_response(pair: Pair) -> None:
    pair.send(update(parallel_tool_calls=False), respond())
    assert types(pair.calls("get_time"))[-1] == "response.done"
    assert pair.take(StopResponse).response_id == "resp_1"
    assert pair.calls("get_weather", response_id="resp_1") == []


def test_what_was_called_counts_as_output(pair: Pair) -> None:
    pair.send(respond(output_modalities=["text"]))
    pair.calls("abcd", "12345678")
    [done] = pair.finishes()
    assert done.to_json()["response"]["usage"]["output_tokens"] == 3


def test_the_tool_loop_reads_the_call_and_its_output(pair: Pair) -> None:
    pair.send(update(tools=[WEATHER]), create(user_text("How is Paris?")), respond())
    pair.calls("get_weather", PARIS)
    pair.finishes()
    assert types(pair.send(create(output("call_1")))) == ["conversation.item.added", "conversation.item.done"]
    assert pair.commands[1:] == []
    pair.take(Respond)
    pair.send(respond())
    _, call, result = pair.take(Respond).context
    assert isinstance(call, FunctionCallItem)
    assert isinstance(result, FunctionCallOutputItem)
    assert (call.call_id, call.arguments, result.call_id, result.output) == ("call_1", PARIS, "call_1", "sunny")


def test_an_output_may_come_while_the_response_with_its_call_still_runs(pair: Pair) -> None:
    pair.send(respond())
    pair.calls("get_time")
    assert types(pair.send(create(output("call_1")))) == ["conversation.item.added", "conversation.item.done"]
    error = invalid(pair.send(respond()))
    assert error["code"] == "conversation_already_has_active_response"


# --- what is offered


def test_the_responder_gets_the_functions_that_it_may_call(pair: Pair) -> None:
    pair.send(update(tools=[WEATHER, CLOCK], tool_choice="required"), respond())
    command = pair.take(Respond)
    assert [tool.name for tool in command.tools] == ["get_weather", "get_time"]
    assert isinstance(command.tools[0], FunctionTool)
    assert command.tools[0].parameters == WEATHER["parameters"]
    assert command.tool_choice == "required"


def test_a_response_s_own_tools_and_choice_come_before_the_session_s(pair: Pair) -> None:
    pair.send(update(tools=[WEATHER], tool_choice="none"))
    choice = {"type": "function", "name": "get_time"}
    pair.send(respond(tools=[CLOCK], tool_choice=choice))
    command = pair.take(Respond)
    assert ([tool.name for tool in command.tools], command.tool_choice) == (["get_time"], "get_time")
    pair.finishes()
    pair.send(respond(tool_choice={"type": "function", "name": "get_weather"}))
    command = pair.take(Respond)
    assert ([tool.name for tool in command.tools], command.tool_choice) == (["get_weather"], "get_weather")


def test_the_session_s_choice_of_a_function_that_a_response_does_not_offer_leaves_it_free(pair: Pair) -> None:
    pair.send(update(tools=[WEATHER], tool_choice={"type": "function", "name": "get_weather"}))
    pair.send(respond(tools=[CLOCK]))
    assert pair.take(Respond).tool_choice == "auto"
    pair.finishes()
    pair.send(respond(tools=[]))
    assert (pair.take(Respond).tools, pair.commands) == ((), [])


@pytest.mark.parametrize(
    "choice", [{"type": "function", "name": "dance"}, {"type": "mcp", "server_label": "dance", "name": "x"}]
)
def test_a_choice_of_what_is_not_offered_is_rejected(pair: Pair, choice: dict[str, Any]) -> None:
    error = invalid(pair.send(update(tools=[CLOCK], tool_choice=choice)))
    assert (error["code"], error["param"]) == ("invalid_value", "session.tool_choice")
    assert error["message"] == "Tool choice 'dance' not found in 'tools' parameter."
    assert session_of(pair)["tools"] == []
    error = invalid(pair.send(respond(tools=[CLOCK], tool_choice=choice)))
    assert (error["code"], error["param"]) == ("invalid_value", "response.tool_choice")


def test_taking_away_the_function_that_was_chosen_is_rejected(pair: Pair) -> None:
    pair.send(update(tools=[CLOCK], tool_choice={"type": "function", "name": "get_time"}))
    assert invalid(pair.send(update(tools=[])))["param"] == "session.tool_choice"
    assert types(pair.send(update(tools=[], tool_choice="auto"))) == ["session.updated"]


def test_a_function_without_a_name_is_rejected(pair: Pair) -> None:
    error = invalid(pair.send(update(tools=[CLOCK, {"type": "function", "description": "d"}])))
    assert (error["code"], error["param"]) == ("missing_required_parameter", "session.tools[1].name")
    error = invalid(pair.send(respond(tools=[{"type": "function"}])))
    assert (error["code"], error["param"]) == ("missing_required_parameter", "response.tools[0].name")
