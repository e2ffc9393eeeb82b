from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol import SessionDefaults
from duologue.testing import Pair, play
from tests.protocol._wire import create, invalid, raw, respond, session_of, types, update, user_text

SPEED = {"output": {"speed": 1.5}}


def test_the_server_greets_with_the_session_in_full() -> None:
    pair = Pair(SessionDefaults(model="parrot-1", voice="marin", instructions="Be brief.", duration_s=600))
    assert types(pair.connect()) == ["session.created"]
    assert session_of(pair) == {
        "type": "realtime",
        "id": "sess_1",
        "object": "realtime.session",
        "model": "parrot-1",
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": 1_700_000_600,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin", "speed": 1.0},
        },
        "include": None,
    }


def test_an_update_that_comes_before_the_greeting_was_read_counts() -> None:
    pair = Pair()
    pair.server.connect()
    assert types(pair.send(update(instructions="a"), update(instructions="b"))) == [
        "session.created",
        "session.updated",
        "session.updated",
    ]
    assert session_of(pair)["instructions"] == "b"


def test_an_update_is_answered_with_the_session_in_full_and_changes_only_what_it_names(pair: Pair) -> None:
    before = session_of(pair)
    play(pair, [update(instructions="Rhyme.", audio={"output": {"speed": 1.25}}), "session.updated"])
    before["instructions"] = "Rhyme."
    before["audio"]["output"]["speed"] = 1.25
    assert session_of(pair) == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("turn_detection", {"type": "semantic_vad", "eagerness": "low"}),
        ("transcription", {"model": "gpt-realtime-whisper", "language": "de"}),
        ("noise_reduction", {"type": "near_field"}),
    ],
)
def test_absent_leaves_alone_a_value_sets_and_null_switches_off(pair: Pair, field: str, value: dict[str, Any]) -> None:
    pair.send(update(audio={"input": {field: value}}))
    assert session_of(pair)["audio"]["input"][field].items() >= value.items()
    pair.send(update(audio={"input": {}}))
    assert session_of(pair)["audio"]["input"][field].items() >= value.items()
    pair.send(update(audio={"input": {field: None}}))
    assert session_of(pair)["audio"]["input"][field] is None


@pytest.mark.parametrize("field", ["instructions", "model", "tools", "output_modalities", "audio", "max_output_tokens"])
def test_null_where_nothing_can_be_switched_off_changes_nothing(pair: Pair, field: str) -> None:
    before = session_of(pair)
    assert types(pair.send(update(**{field: None}))) == ["session.updated"]
    assert session_of(pair) == before


def test_instructions_and_tools_are_cleared_by_empty_values(pair: Pair) -> None:
    tool = {"type": "function", "name": "f", "parameters": {"$schema": "x", "type": "object"}}
    pair.send(update(instructions="Rhyme.", tools=[tool]))
    assert session_of(pair)["tools"] == [tool]
    pair.send(update(instructions="", tools=[]))
    assert (session_of(pair)["instructions"], session_of(pair)["tools"]) == ("", [])


def test_turn_detection_is_echoed_with_its_defaults_filled_in(pair: Pair) -> None:
    pair.send(update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 250}}}))
    assert session_of(pair)["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 250,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


FROM_THE_FIELD: list[dict[str, Any]] = [
    {
        "model": "gpt-realtime",
        "tracing": "auto",
        "instructions": None,
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"$schema": "s"}}],
        "tool_choice": "required",
        "audio": {
            "input": {
                "noise_reduction": None,
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {"type": "semantic_vad", "eagerness": "high", "interrupt_response": True},
            },
            "output": {"voice": "cedar", "speed": 0.9},
        },
    },
    {"model": None, "audio": {"input": {"noise_reduction": None}}},
    {"model": None, "tracing": None},
    {"model": None, "instructions": None},
    *[{"audio": {"output": {"voice": voice}}} for voice in "alloy ash ballad coral echo sage shimmer verse".split()],
    *[
        {"audio": {"input": {"transcription": {"model": model}}}}
        for model in "whisper-1 gpt-4o-transcribe gpt-4o-transcribe-diarize gpt-realtime-whisper".split()
    ],
]


@pytest.mark.parametrize("session", FROM_THE_FIELD, ids=str)
def test_what_clients_in_the_field_configure_is_taken_whole(pair: Pair, session: dict[str, Any]) -> None:
    assert types(pair.send(update(**session))) == ["session.updated"]


def test_the_model_of_a_session_never_changes(pair: Pair) -> None:
    pair.send(update(model="another"))
    assert session_of(pair)["model"] == "duologue"


INVALID = [
    ({}, "missing_required_parameter", "session.type"),
    ({"instructions": "a"}, "missing_required_parameter", "session.type"),
    ({"type": "transcription"}, None, "session.type"),
    ({"type": "poetry"}, "invalid_value", "session.type"),
    ({"type": "realtime", "modalities": ["text"]}, "unknown_parameter", "session.modalities"),
    ({"type": "realtime", "audio": {"input": {"gain": 2}}}, "unknown_parameter", "session.audio.input.gain"),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "wait": 1}}}},
        "unknown_parameter",
        "session.audio.input.turn_detection.wait",
    ),
    (
        {"type": "realtime", "tools": [{"type": "function", "name": "f", "strict": True}]},
        "unknown_parameter",
        "session.tools[0].strict",
    ),
    ({"type": "realtime", "instructions": 7}, "invalid_value", "session.instructions"),
    ({"type": "realtime", "audio": {"output": {"speed": "fast"}}}, "invalid_value", "session.audio.output.speed"),
    ({"type": "realtime", "output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
    ({"type": "realtime", "output_modalities": []}, "invalid_value", "session.output_modalities"),
    ({"type": "realtime", "max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
    ({"type": "realtime", "tool_choice": "maybe"}, "invalid_value", "session.tool_choice"),
    ({"type": "realtime", "truncation": "never"}, "invalid_value", "session.truncation"),
    (
        {"type": "realtime", "truncation": {"type": "retention_ratio", "retention_ratio": 1.1}},
        "invalid_value",
        "session.truncation.retention_ratio",
    ),
    (
        {
            "type": "realtime",
            "truncation": {"type": "retention_ratio", "retention_ratio": 1, "token_limits": {"post_instructions": -1}},
        },
        "invalid_value",
        "session.truncation.token_limits.post_instructions",
    ),
    ({"type": "realtime", "tracing": "on"}, "invalid_value", "session.tracing"),
    ({"type": "realtime", "audio": {"output": {"speed": 1.51}}}, "invalid_value", "session.audio.output.speed"),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 1.1}}}},
        "invalid_value",
        "session.audio.input.turn_detection.threshold",
    ),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 100}}}},
        "invalid_value",
        "session.audio.input.turn_detection.idle_timeout_ms",
    ),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "very"}}}},
        "invalid_value",
        "session.audio.input.turn_detection.eagerness",
    ),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "telepathy"}}}},
        "invalid_value",
        "session.audio.input.turn_detection.type",
    ),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {}}}},
        "missing_required_parameter",
        "session.audio.input.turn_detection.type",
    ),
    (
        {"type": "realtime", "audio": {"input": {"noise_reduction": {"type": "magic"}}}},
        "invalid_value",
        "session.audio.input.noise_reduction.type",
    ),
    (
        {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
        "integer_below_min_value",
        "session.audio.input.format.rate",
    ),
    (
        {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcm", "rate": 48_000}}}},
        "invalid_value",
        "session.audio.output.format.rate",
    ),
    (
        {"type": "realtime", "audio": {"output": {"format": {"type": "audio/opus"}}}},
        "invalid_value",
        "session.audio.output.format.type",
    ),
]


@pytest.mark.parametrize(("session", "code", "param"), INVALID, ids=[f"{n}-{r[2]}" for n, r in enumerate(INVALID)])
def test_one_bad_field_discards_the_whole_update(
    pair: Pair, session: dict[str, Any], code: str | None, param: str
) -> None:
    before = session_of(pair)
    whole = {"instructions": "must not come through", **session} if session.get("type") == "realtime" else session
    error = invalid(raw(pair, {"type": "session.update", "event_id": "mine", "session": whole}))
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["event_id"] == "mine"
    pair.send(update())
    assert session_of(pair) == before


def test_a_voice_cannot_be_changed_once_the_model_has_spoken(pair: Pair) -> None:
    pair.send(update(audio={"output": {"voice": "marin"}}), respond())
    pair.responds("Hi.")
    pair.finishes()
    error = invalid(pair.send(update(instructions="x", audio={"output": {"voice": "cedar"}})))
    assert error["code"] == "cannot_update_voice"
    assert error["message"] == "Cannot update a conversation's voice if assistant audio is present."
    assert session_of(pair)["instructions"] == ""
    assert types(pair.send(update(audio={"output": {"voice": "marin"}}))) == ["session.updated"]


def test_a_voice_can_be_changed_after_text_alone(pair: Pair) -> None:
    pair.send(respond(output_modalities=["text"]))
    pair.responds("Hi.")
    pair.finishes()
    pair.send(update(audio={"output": {"voice": "cedar"}}))
    assert session_of(pair)["audio"]["output"]["voice"] == "cedar"


def test_a_running_response_keeps_the_settings_that_it_began_with(pair: Pair) -> None:
    pair.send(update(output_modalities=["text"]), create(user_text("hi")), respond())
    pair.send(update(output_modalities=["audio"], max_output_tokens=1))
    assert types(pair.responds("a longer piece of text"))[-1] == "response.output_text.delta"


def test_speed_changes_between_responses_only(pair: Pair) -> None:
    pair.send(respond())
    error = invalid(pair.send(update(instructions="lost", audio=SPEED)))
    assert (error["code"], error["param"]) == ("invalid_value", "session.audio.output.speed")
    assert session_of(pair)["instructions"] == ""
    assert types(pair.send(update(audio={"output": {"speed": 1}}))) == ["session.updated"]
    pair.finishes()
    assert types(pair.send(update(audio=SPEED))) == ["session.updated"]
    pair.send(respond(conversation="none"))
    assert types(pair.send(update(audio={"output": {"speed": 1}}))) == ["session.updated"]


def test_tracing_cannot_be_changed_once_it_is_enabled(pair: Pair) -> None:
    assert types(pair.send(update(tracing=None))) == ["session.updated"]
    assert types(pair.send(update(tracing="auto"))) == ["session.updated"]
    for tracing in (None, {"workflow_name": "w"}):
        error = invalid(pair.send(update(tracing=tracing)))
        assert (error["code"], error["param"]) == ("invalid_value", "session.tracing")
    assert types(pair.send(update(tracing="auto"))) == ["session.updated"]
