"""Frames in the shapes in which other programs have recorded or replayed them: all come back whole and typed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue.codec import decode_live, decode_translation, encode_live, encode_translation
from duologue.events import UnknownTranslationEvent
from duologue.events.live import (
    LiveErrorEvent,
    LiveFunctionCall,
    LiveOutputTranscriptDeltaEvent,
    LiveResponseEvent,
    UnknownLiveEvent,
)

SESSION: dict[str, Any] = {
    "id": "live_u0_0123456789abcdef",
    "expires_at": 1790000000,
    "model": "gpt-live-1",
    "instructions": "Say little.",
    "audio": {"output": {"voice": "marin"}, "format": {"type": "audio/pcm", "rate": 24000}},
    "delegation": {"type": "client"},
    "status": "active",
    "input": [],
}
BACKEND = {
    "type": "responses",
    "responses": {
        "model": "gpt-6",
        "instructions": None,
        "max_output_tokens": None,
        "parallel_tool_calls": True,
        "reasoning": {"effort": "low", "summary": None},
        "text": {"verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [
            {"type": "function", "name": "track", "description": "Finds a parcel.", "parameters": {}, "strict": None},
            {"type": "web_search"},
            {"type": "mcp", "server_label": "shop", "server_url": "https://shop.example/mcp", "headers": None},
        ],
    },
}

SENT: list[dict[str, Any]] = [
    {"type": "session.start", "session": {"model": "gpt-live-1", "delegation": None, "store": False}},
    {"type": "session.start", "event_id": "c1", "session": {"model": "gpt-live-1", "delegation": BACKEND}},
    {
        "type": "session.start",
        "session": {
            "model": "gpt-live-1",
            "instructions": None,
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Hi."}]},
                {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello."}]},
            ],
            "client": {"data_channel": {"allowed_client_events": ["session.close"], "allowed_server_events": "all"}},
        },
    },
    {"type": "session.start", "session": {}},  # of a fork
    {"type": "session.update", "event_id": "c2", "session": {}},
    {"type": "session.update", "session": {"delegation": {"type": "client"}, "triggers": []}},
    {"type": "session.instructions.append", "delegation_id": None, "content": "Be brief."},
    {"type": "session.thinking.append", "event_id": "c3", "content": "It rains.", "delegation_id": "item_1"},
    {"type": "response.item.create", "item": {"type": "function_call_output", "call_id": "call_1", "output": "{}"}},
    {
        "type": "response.item.create",
        "event_id": "c4",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]},
    },
    {"type": "response.create"},
    {"type": "session.input_audio.mute", "event_id": "c5"},
    {"type": "session.close"},
]

RECEIVED: list[dict[str, Any]] = [
    {"event_id": "event_1", "type": "session.started", "session": SESSION},
    {"type": "session.started", "event_id": "e", "client_event_id": None, "session": {"id": "s"}},
    {
        "type": "session.updated",
        "event_id": "e",
        "client_event_id": "c2",
        "session": {**SESSION, "delegation": BACKEND},
    },
    {"type": "session.updated", "event_id": "e", "session": SESSION, "metadata": {"new": None, "deep": [1, {"a": 2}]}},
    {"type": "session.output_audio.delta", "delta": "AAAA"},
    {"type": "session.output_audio.delta", "event_id": "e", "delta": "AAAA"},
    {"type": "session.output_audio.delta", "delta": "AAAA", "start_ms": 1000, "end_ms": 1100},
    {"start_ms": 600.0, "end_ms": 800.0, "delta": " parcel", "event_id": "e", "type": "session.input_transcript.delta"},
    {"type": "session.output_transcript.delta", "start_ms": 600, "end_ms": 800, "delta": "It", "event_id": "e"},
    {"type": "session.instructions.appended", "start_ms": 600, "end_ms": 600, "event_id": "e"},
    {
        "type": "session.delegation.created",
        "offset_ms": 4600,
        "delegation": {"id": "item_1", "type": "delegation", "target": "client"},
        "event_id": "e",
    },
    {
        "type": "session.delegation.created",
        "event_id": "e",
        "offset_ms": 0,
        "delegation": {"id": "item_2", "target": "responses", "response_id": "resp_1", "content": []},
    },
    {"type": "response.event", "event_id": "e", "event": {"type": "response.completed"}},
    {
        "type": "response.event",
        "event_id": "e",
        "delegation_id": None,
        "event": {"type": "response.created", "sequence_number": 0, "response": {"id": "r", "output": [], "tools": []}},
    },
    {"type": "response.event", "delegation_id": "item_2", "event": {"type": "response.of_the_future", "x": [None]}},
    {
        "type": "session.usage.updated",
        "usage": {"seconds": 7.5},
        "context_window": {"usage_ratio": 0.008859375},
        "event_id": "e",
    },
    {
        "type": "session.usage.updated",
        "event_id": "e",
        "usage": {"seconds": 9, "active_seconds": 8, "paused_seconds": 1},
    },
    {
        "type": "session.closed",
        "event_id": "e",
        "reason": "close_requested",
        "session": {"id": "s"},
        "usage": {"seconds": 1},
    },
    {"type": "session.closed", "reason": "expired"},
    {"type": "info", "event_id": "e", "code": "data_channel_permissions", "message": None},
    {
        "type": "transport.failed",
        "event_id": "e",
        "session_id": "s",
        "error": {"type": "call_error", "code": "busy", "message": "m"},
    },
    {"type": "session.input_audio.append", "audio": "AAAA"},
]

ERRORS: list[dict[str, Any]] = [
    {"type": "error", "event_id": "e", "error": {"type": "invalid_request_error", "code": None, "message": "m"}},
    {
        "type": "error",
        "event_id": "e",
        "client_event_id": "c3",
        "error": {"type": "t", "code": "invalid_value", "message": "m", "param": None, "client_event_id": "c3"},
    },
    {"type": "error", "error": {"message": "m"}},
    {"type": "error", "event_id": "e", "error": "m"},
    {"type": "error", "message": "m", "code": 429},
]

TRANSLATED: list[dict[str, Any]] = [
    {
        "type": "session.created",
        "event_id": "e",
        "session": {
            "id": "sess_1",
            "type": "translation",
            "model": "gpt-realtime-translate",
            "expires_at": 1790000000,
            "audio": {"input": {"transcription": None, "noise_reduction": None}, "output": {"language": "es"}},
        },
    },
    {"event_id": "e", "type": "session.output_transcript.delta", "delta": " hola", "elapsed_ms": 1200},
    {"event_id": "e", "type": "session.input_transcript.delta", "delta": " hello", "elapsed_ms": None},
    {"type": "session.output_audio.delta", "event_id": "e", "delta": "AAAA", "elapsed_ms": 200, "sample_rate": 24000},
    {"type": "session.update", "session": {"audio": {"output": {"language": "ja"}}}},
    {"type": "session.input_audio_buffer.append", "audio": "AAAA"},
    {"type": "session.close"},
    {"type": "session.closed", "event_id": "e"},
    {"type": "error", "event_id": "e", "error": {"type": "t", "code": None, "message": "m", "param": None}},
]


def _numbered(frames: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(frame, id=f"{index} {frame['type']}") for index, frame in enumerate(frames)]


@pytest.mark.parametrize("frame", _numbered([*SENT, *RECEIVED, *ERRORS]))
def test_a_frame_of_live_comes_back_whole_and_typed(frame: dict[str, Any]) -> None:
    for text in (json.dumps(frame), json.dumps(frame, separators=(",", ":"), sort_keys=True).encode()):
        event = decode_live(text)
        assert not isinstance(event, UnknownLiveEvent), event.problem
        assert event.to_json() == json.loads(encode_live(event)) == frame


@pytest.mark.parametrize("frame", _numbered(TRANSLATED))
def test_a_frame_of_a_translation_comes_back_whole_and_typed(frame: dict[str, Any]) -> None:
    event = decode_translation(json.dumps(frame))
    assert not isinstance(event, UnknownTranslationEvent), event.problem
    assert event.to_json() == json.loads(encode_translation(event)) == frame


@pytest.mark.parametrize("frame", _numbered(ERRORS))
def test_an_error_says_its_message_wherever_the_server_put_it(frame: dict[str, Any]) -> None:
    event = decode_live(json.dumps(frame))
    assert isinstance(event, LiveErrorEvent)
    assert event.error.message == "m"


def test_a_time_with_a_point_is_the_whole_number_that_it_is() -> None:
    frame = {"type": "session.output_transcript.delta", "event_id": "e", "delta": "x", "start_ms": 200.0, "end_ms": 4e2}
    event = decode_live(json.dumps(frame))
    assert isinstance(event, LiveOutputTranscriptDeltaEvent)
    assert (event.start_ms, event.end_ms) == (200, 400)


def test_a_function_call_is_read_from_the_one_event_that_has_it_whole() -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "track", "arguments": "{}"}
    for name in ("response.output_item.added", "response.output_item.done"):
        event = decode_live(
            json.dumps({"type": "response.event", "event_id": "e", "event": {"type": name, "item": item}})
        )
        assert isinstance(event, LiveResponseEvent)
        call = event.function_call
        assert isinstance(call, LiveFunctionCall) is name.endswith("done")
