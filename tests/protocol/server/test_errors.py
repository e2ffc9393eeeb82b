"""Every refusal that the hosted service is known for: its code, its parameter, its words, and what it leaves alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue.events import RealtimeEvent
from duologue.events.base import encode_audio
from duologue.protocol import SessionDefaults
from duologue.testing import Pair
from tests.protocol._wire import client_event, create, invalid, raw, respond, session_of, types, update, user_text

SPEED = {"output": {"speed": 1.5}}
RATE = {"input": {"format": {"type": "audio/pcm", "rate": 8_000}}}


def of_session(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def of_item(verb: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"conversation.item.{verb}", "item_id": "x", **fields}


CATALOGUE: list[tuple[str | bytes | dict[str, Any], str | None, str | None, str]] = [
    ("no json", "invalid_json", None, "Invalid event"),
    (b"\1", "invalid_event", None, "Expected a text WebSocket message"),
    ({"type": "output_audio_buffer.clear"}, "invalid_value", "type", "Invalid value: 'output_audio_buffer.clear'"),
    (of_session(tool_choice="maybe"), "invalid_value", "session.tool_choice", "Invalid value for"),
    (of_session(colour=1), "unknown_parameter", "session.colour", "Unknown parameter: 'session.colour'."),
    (
        {"type": "session.update", "session": {"instructions": "beta"}},
        "missing_required_parameter",
        "session.type",
        "Missing required parameter: 'session.type'.",
    ),
    (of_session(audio=RATE), "integer_below_min_value", "session.audio.input.format.rate", "Invalid"),
    (
        {"type": "session.update", "session": {"type": "transcription"}},
        None,
        "session.type",
        "Passing a transcription session update event to a realtime session is not allowed.",
    ),
    (
        of_item("truncate", content_index=0, audio_end_ms=1),
        "item_truncate_invalid_item_id",
        "item_id",
        "Error truncating",
    ),
    (
        of_item("delete"),
        "item_delete_invalid_item_id",
        "item_id",
        "Error deleting item: the item with id 'x' does not exist.",
    ),
    (of_item("retrieve"), "item_retrieve_invalid_item_id", "item_id", "Error retrieving item"),
    ({"type": "response.cancel"}, "response_cancel_not_active", None, "Cancellation failed: no active response found"),
    (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 0.00ms of audio.",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "call_id": "call_x", "output": ""},
        },
        "invalid_tool_call_id",
        "item.call_id",
        "Tool call ID 'call_x' not found in conversation.",
    ),
    (
        {"type": "response.cancel", "event_id": "e" * 513},
        "string_above_max_length",
        "event_id",
        "Invalid 'event_id': string too long. Expected a string with maximum length 512, "
        "but got a string with length 513 instead.",
    ),
]


@pytest.mark.parametrize(
    ("message", "code", "param", "words"), CATALOGUE, ids=[f"{row[1]}-{row[2]}" for row in CATALOGUE]
)
def test_a_refusal_has_its_code_its_parameter_and_its_words_and_the_session_goes_on(
    pair: Pair, message: str | bytes | dict[str, Any], code: str | None, param: str | None, words: str
) -> None:
    before = session_of(pair)
    error = invalid(raw(pair, message) if isinstance(message, dict) else pair.send_raw(message))
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["message"].startswith(words)
    assert types(pair.send(update())) == ["session.updated"]
    assert session_of(pair) == before
    assert pair.commands == []


@pytest.mark.parametrize("event_id", ["", "mine", "e" * 512])
def test_a_client_event_s_id_comes_back_in_its_error_and_nowhere_else(pair: Pair, event_id: str) -> None:
    message = {"type": "response.cancel", "event_id": event_id}
    assert invalid(raw(pair, message))["event_id"] == event_id
    events = raw(pair, {**create(user_text("hi")).to_json(), "event_id": event_id})
    assert event_id == "" or event_id not in json.dumps([event.to_json() for event in events])


def test_a_voice_is_refused_after_the_model_spoke_and_the_same_voice_is_not() -> None:
    pair = Pair(SessionDefaults(voice="marin"))
    pair.connect()
    pair.send(respond())
    pair.says("Hi.")
    pair.plays(bytes(480))
    error = invalid(pair.send(update(audio={"output": {"voice": "cedar"}})))
    assert (error["code"], error["message"]) == (
        "cannot_update_voice",
        "Cannot update a conversation's voice if assistant audio is present.",
    )
    assert types(pair.send(update(audio={"output": {"voice": "marin"}}))) == ["session.updated"]


@pytest.mark.parametrize("voice", ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin"])
def test_every_published_voice_is_taken(pair: Pair, voice: str) -> None:
    assert types(pair.send(update(audio={"output": {"voice": voice}}))) == ["session.updated"]


@pytest.mark.parametrize(
    "model",
    ["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize", "gpt-realtime-whisper"],
)
def test_every_published_transcription_model_is_taken(pair: Pair, model: str) -> None:
    assert types(pair.send(update(audio={"input": {"transcription": {"model": model}}}))) == ["session.updated"]


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


@pytest.mark.parametrize("session", [{"noise_reduction": None}, {"tracing": None}, {"instructions": None}])
def test_nulls_that_clients_send_are_taken(pair: Pair, session: dict[str, Any]) -> None:
    if "noise_reduction" in session:
        session = {"audio": {"input": session}}
    assert types(pair.send(update(model=None, **session))) == ["session.updated"]


@pytest.mark.parametrize("ratio", [-0.1, 1.1])
def test_a_retention_ratio_is_a_part_of_the_whole(pair: Pair, ratio: float) -> None:
    error = invalid(pair.send(update(truncation={"type": "retention_ratio", "retention_ratio": ratio})))
    assert (error["code"], error["param"]) == ("invalid_value", "session.truncation.retention_ratio")


def test_a_limit_of_tokens_is_not_negative(pair: Pair) -> None:
    limits = {"post_instructions": -1}
    truncation = {"type": "retention_ratio", "retention_ratio": 1, "token_limits": limits}
    error = invalid(pair.send(update(truncation=truncation)))
    assert error["param"] == "session.truncation.token_limits.post_instructions"


def test_an_append_holds_up_to_15_mib_of_audio(pair: Pair) -> None:
    most = 15 * 1024 * 1024
    pair.send(update(audio={"input": {"turn_detection": None}}))
    assert pair.send(client_event("input_audio_buffer.append", audio=encode_audio(bytes(most)))) == []
    held_ms = pair.server._listening._audio.held_ms
    error = invalid(pair.send(client_event("input_audio_buffer.append", audio=encode_audio(bytes(most + 1)))))
    assert (error["code"], error["param"]) == ("invalid_value", "audio")
    assert "15728640 bytes" in error["message"]
    assert pair.server._listening._audio.held_ms == held_ms


@pytest.mark.parametrize("kind", ["output_audio", "audio"])
def test_assistant_audio_cannot_be_created(pair: Pair, kind: str) -> None:
    content = [{"type": kind, "audio": encode_audio(bytes(480)), "transcript": "hi"}]
    error = invalid(pair.send(create({"type": "message", "role": "assistant", "content": content})))
    assert (error["code"], error["param"]) == ("invalid_value", "item.content[0].type")


@pytest.mark.parametrize("kind", ["output_text", "text"])
def test_assistant_text_can_be_created(pair: Pair, kind: str) -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": kind, "text": "hi"}]}
    assert types(pair.send(create(item))) == ["conversation.item.added", "conversation.item.done"]


def test_a_greeting_is_one_event_and_a_conversation_is_not_announced() -> None:
    pair = Pair()
    assert types(pair.connect()) == ["session.created"]


def test_metadata_is_repeated_in_created_and_in_done_whoever_ends_the_response(pair: Pair) -> None:
    def metadata(event: RealtimeEvent) -> Any:
        return event.to_json()["response"]["metadata"]

    [created] = pair.send(respond(metadata={"k": "v"}))
    assert metadata(created) == {"k": "v"}
    assert metadata(pair.send(client_event("response.cancel"))[-1]) == {"k": "v"}
    pair.send(respond(metadata={"k": "w"}))
    assert metadata(pair.fails("broken")[-1]) == {"k": "w"}
