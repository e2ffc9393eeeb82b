"""Sessions that only transcribe: no response, whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol import Respond, SessionDefaults, Transcribe
from duologue.testing import Pair, play
from tests.protocol._wire import client_event, invalid, raw, session_of, types, update

VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}


@pytest.fixture
def scribe() -> Pair:
    pair = Pair(SessionDefaults(model="scribe-1"), kind="transcription")
    pair.connect()
    return pair


def change(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "transcription", **session}}


def test_the_greeting_is_a_transcription_session_that_transcribes(scribe: Pair) -> None:
    assert types(scribe.received) == ["session.created"]
    assert session_of(scribe) == {
        "type": "transcription",
        "id": "sess_1",
        "object": "realtime.transcription_session",
        "expires_at": 1_700_003_600,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "noise_reduction": None,
                "transcription": {"model": "scribe-1", "language": None, "prompt": None},
                "turn_detection": VAD,
            }
        },
        "include": None,
    }


def test_a_turn_is_transcribed_and_nothing_else_comes_of_it(scribe: Pair) -> None:
    name = "conversation.item.input_audio_transcription"
    play(
        scribe,
        [
            lambda: scribe.speak(300),
            "input_audio_buffer.speech_started",
            lambda: scribe.pause(500),
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            lambda: scribe.transcribes("good day"),
            f"{name}.delta",
            f"{name}.delta",
            (f"{name}.completed", {"transcript": "good day"}),
        ],
    )
    assert not [command for command in scribe.commands if isinstance(command, Respond)]


def test_turns_by_hand_are_transcribed_too(scribe: Pair) -> None:
    events = raw(scribe, change(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}))
    assert types(events) == ["session.updated"]
    scribe.speak(200)
    assert types(scribe.send(client_event("input_audio_buffer.commit")))[0] == "input_audio_buffer.committed"
    assert scribe.take(Transcribe).item_id == "item_1"


def test_an_update_changes_what_it_names_and_fills_in_only_what_a_transcription_session_has(scribe: Pair) -> None:
    raw(scribe, change(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}}))
    session = session_of(scribe)
    assert session["audio"]["input"]["turn_detection"] == {**VAD, "silence_duration_ms": 700}
    assert session["audio"]["input"]["transcription"]["model"] == "scribe-1"
    raw(scribe, change(include=["item.input_audio_transcription.logprobs"]))
    assert session_of(scribe)["include"] == ["item.input_audio_transcription.logprobs"]


def test_a_response_is_rejected(scribe: Pair) -> None:
    error = invalid(scribe.send(client_event("response.create", event_id="e1")))
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "type", "e1")
    assert error["message"] == "'response.create' is not available in a transcription session, which never responds."
    assert not [command for command in scribe.commands if isinstance(command, Respond)]


def test_there_is_nothing_to_cancel(scribe: Pair) -> None:
    assert invalid(scribe.send(client_event("response.cancel")))["code"] == "response_cancel_not_active"


def test_the_kind_of_a_session_cannot_be_changed_either_way(scribe: Pair, pair: Pair) -> None:
    error = invalid(scribe.send(update(instructions="be a poet")))
    assert (error["code"], error["param"]) == (None, "session.type")
    assert error["message"] == "Passing a realtime session update event to a transcription session is not allowed."
    error = invalid(raw(pair, change()))
    assert (error["code"], error["param"]) == (None, "session.type")
    assert error["message"] == "Passing a transcription session update event to a realtime session is not allowed."


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"instructions": "x"}, "unknown_parameter", "session.instructions"),
        ({"audio": {"output": {"voice": "alloy"}}}, "unknown_parameter", "session.audio.output"),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}}},
            "invalid_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
            "integer_below_min_value",
            "session.audio.input.format.rate",
        ),
    ],
)
def test_what_only_a_realtime_session_has_is_rejected(
    scribe: Pair, session: dict[str, Any], code: str, param: str
) -> None:
    before = session_of(scribe)
    error = invalid(raw(scribe, change(**session)))
    assert (error["code"], error["param"]) == (code, param)
    raw(scribe, change())
    assert session_of(scribe) == before


def test_an_idle_timeout_of_null_and_flags_for_responses_are_taken_and_mean_nothing(scribe: Pair) -> None:
    vad = {"type": "server_vad", "idle_timeout_ms": None, "create_response": True, "interrupt_response": True}
    assert types(raw(scribe, change(audio={"input": {"turn_detection": vad}}))) == ["session.updated"]
    scribe.speak(300)
    scribe.pause(500)
    scribe.transcribes("hello")
    assert scribe.advance(1000) == []
    assert [command for command in scribe.commands if isinstance(command, Respond)] == []


def test_a_rate_limit_is_never_reported() -> None:
    scribe = Pair(SessionDefaults(tokens_per_minute=100), kind="transcription")
    scribe.connect()
    scribe.speak(300)
    scribe.pause(500)
    scribe.transcribes("hello")
    assert "rate_limits.updated" not in types(scribe.received)


def test_the_session_ends_when_its_time_is_over(scribe: Pair) -> None:
    assert invalid(scribe.advance(3600))["code"] == "session_expired"
