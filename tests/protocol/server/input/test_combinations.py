"""Settings that are taken one by one and refused together, as the hosted service does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue.protocol import Close, ServerProtocol, SessionDefaults
from duologue.testing import CountedIds, Pair
from tests.protocol._wire import invalid, raw, session_of, update


@pytest.fixture
def scribe() -> Pair:
    pair = Pair(SessionDefaults(model="scribe-1"), kind="transcription")
    pair.connect()
    return pair


def change(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "transcription", **session}}


MANUAL = ["gpt-realtime-whisper", "gpt-live-transcribe"]
UNSUPPORTED = "Turn detection is not supported for this transcription model."


@pytest.mark.parametrize("model", MANUAL)
@pytest.mark.parametrize("kind", ["server_vad", "semantic_vad"])
def test_a_model_without_turn_detection_is_refused_with_it(scribe: Pair, model: str, kind: str) -> None:
    audio = {"input": {"transcription": {"model": model}, "turn_detection": {"type": kind}}}
    before = scribe.server.session.wire
    error = invalid(raw(scribe, change(audio=audio)))
    assert (error["message"], error["code"]) == (UNSUPPORTED, "invalid_value")
    assert error["param"] == "session.audio.input.turn_detection"
    assert scribe.server.session.wire is before, "nothing has changed"


@pytest.mark.parametrize("model", MANUAL)
def test_such_a_model_alone_switches_the_default_detection_off_and_the_client_commits(scribe: Pair, model: str) -> None:
    raw(scribe, change(audio={"input": {"transcription": {"model": model}}}))
    assert session_of(scribe)["audio"]["input"]["turn_detection"] is None
    later = change(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert invalid(raw(scribe, later))["message"] == UNSUPPORTED


def test_detection_that_was_asked_for_before_is_no_default(scribe: Pair) -> None:
    raw(scribe, change(audio={"input": {"turn_detection": {"type": "server_vad"}}}))
    named = {"transcription": {"model": MANUAL[0]}}
    assert invalid(raw(scribe, change(audio={"input": named})))["message"] == UNSUPPORTED
    raw(scribe, change(audio={"input": {**named, "turn_detection": None}}))
    assert session_of(scribe)["audio"]["input"]["turn_detection"] is None


def test_a_session_that_answers_takes_such_a_model_with_turn_detection_as_the_hosted_service_does() -> None:
    pair = Pair()
    pair.connect()
    audio = {"input": {"transcription": {"model": MANUAL[0]}, "turn_detection": {"type": "server_vad"}}}
    pair.send(update(audio=audio))
    assert session_of(pair)["audio"]["input"]["turn_detection"]["type"] == "server_vad"


def test_a_model_that_answers_ends_a_session_that_transcribes(scribe: Pair) -> None:
    error = invalid(raw(scribe, change(audio={"input": {"transcription": {"model": "gpt-realtime"}}})))
    assert error["message"] == 'Model "gpt-realtime" is not supported in transcription mode.'
    assert error["code"] == "invalid_model"
    assert scribe.take(Close) == Close(4000, "invalid_request_error.invalid_model")


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("whisper-1", {"languages": ["en"]}),
        ("gpt-4o-transcribe", {"keywords": ["Ada"]}),
        ("gpt-realtime-whisper", {"prompt": "names"}),
        ("gpt-4o-transcribe-diarize", {"prompt": "names"}),
        ("gpt-transcribe", {"delay": "low"}),
    ],
)
def test_a_setting_that_a_model_is_published_not_to_have_is_refused(
    scribe: Pair, model: str, setting: dict[str, Any]
) -> None:
    [name] = setting
    error = invalid(raw(scribe, change(audio={"input": {"transcription": {"model": model, **setting}}})))
    assert (error["code"], error["param"]) == ("invalid_value", f"session.audio.input.transcription.{name}")


@pytest.mark.parametrize(
    "transcription",
    [
        {"model": "gpt-transcribe", "languages": ["en"], "keywords": ["Ada"]},
        {"model": "gpt-realtime-whisper", "delay": "low"},
        {"model": "whisper-1", "prompt": "names"},
        {"model": "scribe-2", "languages": ["en"], "keywords": ["Ada"], "delay": "low", "prompt": "names"},
    ],
)
def test_what_a_model_has_is_taken_and_an_unknown_model_has_everything(
    scribe: Pair, transcription: dict[str, Any]
) -> None:
    raw(scribe, change(audio={"input": {"transcription": transcription}}))
    assert session_of(scribe)["audio"]["input"]["transcription"].items() >= transcription.items()


def test_a_lenient_session_takes_these_together() -> None:
    pair = Pair(SessionDefaults(lenient=True), kind="transcription")
    pair.connect()
    audio = {
        "input": {
            "transcription": {"model": MANUAL[0], "keywords": ["Ada"]},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
        }
    }
    raw(pair, change(audio=audio))
    assert session_of(pair)["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 700


def test_a_server_of_another_vendor_s_dialect_takes_these_together() -> None:
    protocol = ServerProtocol(
        new_id=CountedIds(), now=0.0, started_at=0.0, kind="transcription", refuses_combinations=False
    )
    audio = {"input": {"transcription": {"model": "gpt-realtime"}, "turn_detection": {"type": "server_vad"}}}
    protocol.receive_text(json.dumps(change(audio=audio)), now=0.0)
    assert [event.type for event in protocol.take_events()] == ["session.updated"]


@pytest.mark.parametrize(
    ("detection", "param"),
    [
        ({"type": "server_vad", "eagerness": "low"}, "eagerness"),
        ({"type": "semantic_vad", "threshold": 0.5}, "threshold"),
        ({"type": "semantic_vad", "silence_duration_ms": 300}, "silence_duration_ms"),
        ({"type": "semantic_vad", "idle_timeout_ms": 6000}, "idle_timeout_ms"),
    ],
)
def test_a_setting_of_the_other_turn_detection_is_unknown(detection: dict[str, Any], param: str) -> None:
    pair = Pair()
    pair.connect()
    error = invalid(pair.send(update(audio={"input": {"turn_detection": detection}})))
    assert (error["code"], error["param"]) == ("unknown_parameter", f"session.audio.input.turn_detection.{param}")


@pytest.mark.parametrize(
    ("session", "code"),
    [
        ({"output_modalities": ["audio", "text"]}, "invalid_value"),
        ({"audio": {"input": {"format": {"type": "audio/pcmu", "rate": 8000}}}}, "unknown_parameter"),
        ({"tool_choice": {"type": "function", "name": "absent"}}, "invalid_value"),
    ],
)
def test_what_a_session_cannot_have_together_is_refused(session: dict[str, Any], code: str) -> None:
    pair = Pair()
    pair.connect()
    assert invalid(pair.send(update(**session)))["code"] == code


@pytest.mark.parametrize(
    "setting", [{"instructions": "x"}, {"tools": []}, {"output_modalities": ["text"]}, {"tool_choice": "auto"}]
)
def test_a_session_that_transcribes_has_no_settings_of_one_that_answers(scribe: Pair, setting: dict[str, Any]) -> None:
    assert invalid(raw(scribe, change(**setting)))["code"] == "unknown_parameter"
