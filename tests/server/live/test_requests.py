from __future__ import annotations

from duologue.audio.formats import PCM
from duologue.engines.base import Function, FunctionCall, Message
from duologue.engines.llm.chat_request import request_of
from duologue.events.live import LiveFunctionCall, LiveFunctionTool
from duologue.protocol.live.server import DELEGATE, LiveMessage, LiveReply
from duologue.server.live.requests import live_request


def reply(*messages: LiveMessage, backend_model: str | None = None) -> LiveReply:
    return LiveReply(
        reply_id="reply_1",
        messages=messages,
        instructions="Be brief.",
        model="gpt-live-1",
        backend_model=backend_model,
        voice="marin",
        encoding=PCM,
        functions=(LiveFunctionTool(name="get_weather", description="Now."), DELEGATE),
        turn=3,
        returned=frozenset({"call_1"}),
    )


def test_messages_calls_and_outputs_become_those_of_a_responder() -> None:
    call = LiveFunctionCall(call_id="call_1", name="get_weather", arguments="{}")
    request = live_request(
        reply(
            LiveMessage(role="user", text="The weather?"),
            LiveMessage(role="assistant", text="", calls=(call,)),
            LiveMessage(role="tool", text="sunny", call_id="call_1"),
        ),
        session_id="live_1",
        session_age_s=2.5,
    )
    assert request.messages == (
        Message("user", "The weather?"),
        Message("assistant", "", calls=(FunctionCall(name="get_weather", arguments="{}", call_id="call_1"),)),
        Message("tool", "sunny", call_id="call_1"),
    )
    assert (request.instructions, request.turn) == ("Be brief.", 3)
    assert request.returned == frozenset({"call_1"})
    assert (request.session_id, request.session_age_s, request.voice) == ("live_1", 2.5, "marin")


def test_only_the_function_that_hands_over_is_a_fallback() -> None:
    weather, delegate = live_request(reply(), session_id="live_1", session_age_s=0).functions
    assert weather == Function(name="get_weather", description="Now.")
    assert (delegate.name, delegate.fallback) == ("delegate", True)


def test_a_delegated_reply_is_asked_of_the_delegation_s_model() -> None:
    asked = [
        live_request(reply(backend_model=name), session_id="live_1", session_age_s=0) for name in (None, "gpt-5.5")
    ]
    assert [request.model for request in asked] == ["gpt-live-1", "gpt-5.5"]


def test_a_chat_endpoint_gets_the_function_that_hands_over_as_a_tool_with_its_description() -> None:
    body = request_of(live_request(reply(), session_id="live_1", session_age_s=0))
    delegate = body["tools"][-1]["function"]
    assert delegate["name"] == "delegate"
    assert "Hand the user's last request to the application." in delegate["description"]
    assert delegate["parameters"] == {"type": "object", "properties": {}}
