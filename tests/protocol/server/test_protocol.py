"""A session as its shell sees it: messages, ids, errors and the end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue.catalogue import examples
from duologue.events import McpServerTool, McpToolExecutionError
from duologue.protocol import Close, McpCall, ServerProtocol, SessionDefaults
from duologue.testing import Pair
from tests.protocol._broken_forms import broken_forms
from tests.protocol._wire import client_event, create, invalid, respond, session_of, types, update, user_text

CALL = McpCall("resp_9", "item_9", McpServerTool(server_label="docs"), "search", "{}")


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "nonsense", "[]", "7", "null", '"text"', '{"type": NaN}', "{'type': 'x'}", "[" * 5000, "\ud800"],
)
def test_text_that_is_no_json_object_is_answered_with_invalid_json(pair: Pair, text: str) -> None:
    error = invalid(pair.send_raw(text))
    assert (error["type"], error["code"], error["param"], error["event_id"]) == (
        "invalid_request_error",
        "invalid_json",
        None,
        None,
    )


@pytest.mark.parametrize("message", [b"", b"\x00\xff", b'{"type":"response.create"}'])
def test_a_binary_message_is_answered_with_invalid_event(pair: Pair, message: bytes) -> None:
    assert invalid(pair.send_raw(message))["code"] == "invalid_event"


def test_the_session_goes_on_after_any_number_of_invalid_requests(pair: Pair) -> None:
    for message in ("{", b"\0", '{"type":"x"}', '{"type":"response.cancel"}') * 50:
        invalid(pair.send_raw(message))
    assert types(pair.send(update(instructions="still here"))) == ["session.updated"]
    assert session_of(pair)["instructions"] == "still here"


def test_receiving_before_the_greeting_works() -> None:
    server = ServerProtocol(new_id=lambda kind: kind, now=0, started_at=0)
    server.receive_text(json.dumps({"type": "input_audio_buffer.clear"}), now=0)
    assert [event.type for event in server.take_events()] == ["input_audio_buffer.cleared"]


def test_the_session_ends_when_its_time_is_over_and_says_so_once() -> None:
    pair = Pair(SessionDefaults(duration_s=3600))
    pair.connect()
    assert pair.advance(3599.9) == []
    error = invalid(pair.advance(0.1))
    assert (error["code"], error["message"]) == (
        "session_expired",
        "Your session hit the maximum duration of 60 minutes.",
    )
    assert pair.commands == [Close(1001, "Your session hit the maximum duration of 60 minutes.")]
    assert pair.advance(1) == []
    pair.server.tick(pair.now + 10)
    assert pair.server.take_events() == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tick", ()),
        ("receive_text", (b"",)),
        ("receive", (client_event("input_audio_buffer.clear"),)),
        ("detected", ([], 20.0)),
        ("end_of_turn_estimated", ("item_9", 1.0)),
        ("transcribed", ("item_9", "")),
        ("transcription_failed", ("item_9", "")),
        ("response_text", ("resp_9", "")),
        ("response_audio", ("resp_9", b"")),
        ("response_call", ("resp_9", "f", "{}")),
        ("response_approved", ("resp_9", "item_9")),
        ("mcp_called", (CALL, "")),
        ("mcp_call_failed", (CALL, McpToolExecutionError(message=""))),
        ("response_finished", ("resp_9",)),
        ("response_failed", ("resp_9", "")),
    ],
)
def test_whatever_is_reported_moves_the_clock(name: str, arguments: tuple[object, ...]) -> None:
    server = ServerProtocol(new_id=lambda kind: kind, now=0.0, started_at=0.0)
    getattr(server, name)(*arguments, now=5.0) if name != "tick" else server.tick(5.0)
    assert server._clock.now == 5.0


def test_every_server_event_has_an_id_of_its_own(pair: Pair) -> None:
    pair.send(create(user_text("hi")), respond(), client_event("response.cancel"))
    ids = [event.event_id for event in pair.received]
    assert len(set(ids)) == len(ids) == 5


def test_a_greeting_is_one_event_and_a_conversation_is_not_announced() -> None:
    pair = Pair()
    assert types(pair.connect()) == ["session.created"]


REALTIME = [message for name, message in examples().items() if name.startswith("realtime:client:")]
"""Of every event of a client."""
FULL_UPDATE: dict[str, Any] = {
    "type": "session.update",
    "session": {
        "type": "realtime",
        "instructions": "Short.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": {"model": "whisper-1", "language": "en", "prompt": "x"},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": {"type": "server_vad", "threshold": 0.5, "idle_timeout_ms": 6000},
            },
            "output": {"voice": "marin", "speed": 1.1},
        },
        "tools": [
            {"type": "function", "name": "track", "description": "x", "parameters": {"type": "object"}},
            {"type": "mcp", "server_label": "docs", "server_url": "https://mcp.example.com", "allowed_tools": ["a"]},
        ],
        "tool_choice": {"type": "function", "name": "track"},
        "max_output_tokens": 300,
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 900}},
        "prompt": {"id": "pmpt_1", "version": "1", "variables": {"a": "b"}},
        "tracing": {"workflow_name": "x", "metadata": {"a": "b"}},
    },
}
FULL_RESPONSE: dict[str, Any] = {
    "type": "response.create",
    "response": {
        "conversation": "none",
        "metadata": {"a": "b"},
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
            {"type": "item_reference", "id": "item_1"},
            {"type": "function_call", "call_id": "call_1", "name": "track", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "{}"},
        ],
        "audio": {"output": {"voice": "marin", "format": {"type": "audio/pcmu"}}},
        "tools": [{"type": "function", "name": "track", "parameters": {"type": "object"}}],
        "tool_choice": "auto",
    },
}


@pytest.mark.parametrize("is_lenient", [False, True], ids=["strict", "lenient"])
def test_an_event_with_one_broken_place_never_breaks_a_session(*, is_lenient: bool) -> None:
    for message in (FULL_UPDATE, FULL_RESPONSE, *REALTIME):
        pair = Pair(SessionDefaults(lenient=is_lenient))
        pair.connect()
        for broken in (message, *broken_forms(message)):
            pair.send_raw(json.dumps(broken))
            pair.send_raw('{"type":"response.cancel"}')
        assert types(pair.send_raw('{"type":"session.update","session":{"type":"realtime"}}'))[:1] == [
            "session.updated"
        ]
