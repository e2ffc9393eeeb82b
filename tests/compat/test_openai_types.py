"""Every kind of event that the server can send, held against the types of the official SDK, to the last field."""

from __future__ import annotations

from duologue.events import McpHttpError, McpProtocolError, McpToolExecutionError
from duologue.protocol import SessionDefaults
from duologue.testing import Pair
from tests.compat._sdk import check
from tests.protocol._mcp import DOCS, READ, SEARCH, mcp
from tests.protocol._wire import client_event, create, raw, respond, types, update, user_text

FUNCTION = {"type": "function", "name": "f", "parameters": {"$schema": "s", "type": "object"}}
MCP = {"type": "mcp", "server_label": "m", "server_url": "https://m.invalid"}


def received(*pairs: Pair) -> set[str]:
    """The types of all that was received, once the SDK has taken each."""
    for pair in pairs:
        for event in pair.received:
            check(event.to_json())
    return {str(name) for pair in pairs for name in types(pair.received)}


def test_calls_cuts_timeouts_limits_and_failures_are_what_the_sdk_knows() -> None:
    pair = Pair(SessionDefaults(tokens_per_minute=50))
    pair.connect()
    vad = {"type": "server_vad", "idle_timeout_ms": 5000}
    sound = {"input": {"transcription": {"model": "whisper-1"}, "turn_detection": vad}}
    pair.send(update(tools=[FUNCTION, MCP], audio=sound), create(user_text("hi")), respond(metadata={"a": "b"}))
    pair.listing_fails()
    pair.responds("Hello.")
    pair.synthesizes(bytes(9600), clause="Hello.")
    pair.calls("f", '{"a": 1}')
    pair.finishes()
    pair.send(create({"type": "function_call_output", "call_id": "call_1", "output": "x"}))
    pair.send(client_event("conversation.item.truncate", item_id="item_3", content_index=0, audio_end_ms=50))
    pair.send(client_event("conversation.item.retrieve", item_id="item_3"), respond(output_modalities=["text"]))
    pair.responds("Done.")
    pair.finishes()
    pair.advance(20)
    pair.responds("x" * 400)
    pair.finishes()
    pair.send(respond())
    pair.advance(600)
    pair.send(respond())
    pair.speak(300)
    pair.pause(600)
    pair.transcribes("well")
    pair.send_raw("{")
    pair.advance(4000)
    assert received(pair) >= {
        "input_audio_buffer.timeout_triggered",
        "mcp_list_tools.failed",
        "rate_limits.updated",
        "response.function_call_arguments.done",
        "conversation.item.truncated",
        "conversation.item.retrieved",
        "conversation.item.input_audio_transcription.completed",
        "error",
    }
    ends = {event.to_json()["response"]["status"] for event in pair.received if event.type == "response.done"}
    assert ends == {"completed", "failed", "cancelled"}


def test_calls_of_mcp_tools_are_what_the_sdk_knows() -> None:
    pair = Pair()
    pair.connect()
    pair.send(update(tools=[DOCS, mcp(server_label="other", require_approval="always")]))
    pair.lists(SEARCH)
    pair.lists(READ)
    pair.send(respond())
    pair.calls("search", '{"a": 1}')
    pair.returns("a page")
    pair.calls("search")
    pair.returns(McpToolExecutionError(message="broken"))
    pair.calls("search")
    pair.returns(McpHttpError(code=502, message="gone"))
    pair.calls("read")
    request = pair.received[-1].to_json()["item"]["id"]
    pair.finishes()
    answer = {"type": "mcp_approval_response", "id": "yes", "approval_request_id": request, "approve": True}
    pair.send(create(answer))
    pair.makes_approved_call(request, response_id="resp_2")
    pair.returns(McpProtocolError(code=-32601, message="no such method"))
    pair.finishes(response_id="resp_2")
    assert received(pair) >= {
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
    }


def test_a_transcription_session_is_what_the_sdk_knows() -> None:
    pair = Pair(kind="transcription")
    pair.connect()
    pair.speak(300)
    pair.pause(500)
    pair.transcribes("hello")
    include = ["item.input_audio_transcription.logprobs"]
    raw(pair, {"type": "session.update", "session": {"type": "transcription", "include": include}})
    pair.send(respond())
    assert received(pair) >= {"session.created", "session.updated", "error"}


def test_a_context_that_is_too_long_fails_as_the_sdk_knows_it() -> None:
    pair = Pair(SessionDefaults(max_context_tokens=5))
    pair.connect()
    limits = {"post_instructions": 100}
    truncation = {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": limits}
    pair.send(update(truncation=truncation), update(truncation="disabled"), create(user_text("x" * 100)), respond())
    assert "response.done" in received(pair)
