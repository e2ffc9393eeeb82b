from __future__ import annotations

import json

import pytest

from duologue.dialects import PROFILES
from duologue.events import RealtimeEvent, RealtimeSession, SessionUpdateEvent
from duologue.protocol import SessionDefaults
from duologue.server.session_start import (
    ConfigRejected,
    SessionStart,
    session_defaults,
    upstream_session_start,
    validate_config,
)


def update(**session: object) -> SessionUpdateEvent:
    event = RealtimeEvent.from_json({"type": "session.update", "session": {"type": "realtime", **session}})
    assert isinstance(event, SessionUpdateEvent)
    return event


def test_a_model_that_was_asked_for_goes_before_the_server_s() -> None:
    defaults = SessionDefaults(model="ours", voice="echo")
    assert session_defaults(defaults, SessionStart()).model == "ours"
    assert session_defaults(defaults, SessionStart(model="theirs")) == SessionDefaults(model="theirs", voice="echo")


def test_a_valid_config_returns_the_session_that_will_be_announced() -> None:
    session_start, session = validate_config(
        update(model="m-1", instructions="Be brief."), SessionDefaults(voice="echo")
    )
    assert (session_start.model, session_start.kind) == ("m-1", "realtime")
    assert isinstance(session, RealtimeSession)
    assert (session.model, session.instructions) == ("m-1", "Be brief.")
    assert str(session.id).startswith("sess_")


def test_a_config_that_a_session_would_refuse_is_refused() -> None:
    with pytest.raises(ConfigRejected, match="max_output_tokens") as caught:
        validate_config(update(max_output_tokens=0), SessionDefaults())
    assert (caught.value.error.code, caught.value.error.param) == ("invalid_value", "session.max_output_tokens")


def test_a_client_secret_for_a_model_of_another_kind_of_session_is_refused() -> None:
    with pytest.raises(ConfigRejected, match='Model "gpt-4o-transcribe" is not supported in realtime mode') as caught:
        validate_config(update(model="gpt-4o-transcribe"), SessionDefaults())
    assert (caught.value.error.code, caught.value.error.param) == ("invalid_model", "session.model")
    session_start, _ = validate_config(update(model="gpt-4o-transcribe"), SessionDefaults(lenient=True))
    assert session_start.model == "gpt-4o-transcribe"


def test_a_client_secret_for_a_transcription_model_with_turn_detection_that_it_lacks_is_refused() -> None:
    audio = {"input": {"transcription": {"model": "gpt-realtime-whisper"}, "turn_detection": {"type": "server_vad"}}}
    with pytest.raises(ConfigRejected, match="Turn detection is not supported for this transcription model"):
        validate_config(update(type="transcription", audio=audio), SessionDefaults())


def test_an_upstream_that_takes_no_model_with_an_intent_is_told_it_by_an_update() -> None:
    start = SessionStart(model="m", kind="transcription")
    told = upstream_session_start(start, PROFILES["openai"])
    assert told.message is not None
    audio = {"input": {"transcription": {"model": "m"}}}
    assert json.loads(told.message)["session"] == {"type": "transcription", "audio": audio}
    assert upstream_session_start(start, PROFILES["speaches"]) == start
    assert upstream_session_start(start, PROFILES["vllm"]) == start
    for other in (SessionStart(model="m"), SessionStart(kind="transcription")):
        assert upstream_session_start(other, PROFILES["openai"]) == other
    configured = SessionStart(model="m", kind="transcription", message="{}")
    assert upstream_session_start(configured, PROFILES["openai"]) == configured
