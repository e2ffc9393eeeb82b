"""The configuration of a session: what a start, a fork and an update may say."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.live.server import StoredLiveSession
from tests.protocol.live.server._session import Session

MODEL = {"model": "gpt-live-1"}
RESPONSES = {"type": "responses", "responses": {"model": "text-1", "tools": [{"type": "function", "name": "track"}]}}


def message(role: str, text: str = "Hello", kind: str = "input_text") -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def refusal(session: Session) -> tuple[str, str | None]:
    (error,) = session.events("error")
    return error["error"]["code"], error["error"].get("param")


@pytest.mark.parametrize(
    ("config", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.model"),
        ({"model": None}, "missing_required_parameter", "session.model"),
        ({"model": " "}, "invalid_value", "session.model"),
        ({"model": 3}, "invalid_value", "session.model"),
        ({**MODEL, "speed": 2}, "unknown_parameter", "session.speed"),
        ({**MODEL, "idle_timeout_s": 5}, "unknown_parameter", "session.idle_timeout_s"),
        ({**MODEL, "audio": {"input": {}}}, "unknown_parameter", "session.audio.input"),
        ({**MODEL, "audio": {"format": {"type": "audio/opus"}}}, "invalid_value", "session.audio.format.type"),
        (
            {**MODEL, "audio": {"format": {"type": "audio/pcm", "rate": 8_000}}},
            "invalid_value",
            "session.audio.format.rate",
        ),
        (
            {**MODEL, "audio": {"format": {"type": "audio/pcmu", "rate": 16_000}}},
            "invalid_value",
            "session.audio.format.rate",
        ),
        ({**MODEL, "audio": {"output": {"voice": ""}}}, "invalid_value", "session.audio.output.voice"),
        ({**MODEL, "instructions": "x" * 65_537}, "invalid_value", "session.instructions"),
        ({**MODEL, "input": [message("user")] * 129}, "invalid_value", "session.input"),
        ({**MODEL, "input": [message("user", "x" * 32_769)]}, "invalid_value", "session.input"),
        ({**MODEL, "input": [message("robot")]}, "invalid_value", "session.input[0].role"),
        ({**MODEL, "input": [message("user", kind="text")]}, "invalid_value", "session.input[0].content[0].type"),
        ({**MODEL, "input": [{**message("user"), "type": "call"}]}, "invalid_value", "session.input[0].type"),
        ({**MODEL, "safety_identifier": "\n"}, "invalid_value", "session.safety_identifier"),
        ({**MODEL, "store": "yes"}, "invalid_value", "session.store"),
        (
            {
                **MODEL,
                "triggers": [
                    {
                        "type": "decisions",
                        "event_type": "session.input_transcript.delta",
                        "decisions": {"questions": []},
                    }
                ],
            },
            "invalid_value",
            "session.triggers",
        ),
        ({**MODEL, "delegation": {"type": "robot"}}, "invalid_value", "session.delegation.type"),
        (
            {**MODEL, "delegation": {"type": "decisions", "decisions": {"model": "d", "questions": []}}},
            "invalid_value",
            "session.delegation.type",
        ),
        ({**MODEL, "delegation": {"type": "client", "model": "x"}}, "unknown_parameter", "session.delegation.model"),
    ],
)
def test_a_configuration_is_refused_as_a_whole_for_one_fault(
    config: dict[str, Any], code: str, param: str | None
) -> None:
    session = Session(start=False)
    session.start(config)
    assert refusal(session) == (code, param)
    assert not session.protocol.is_running


@pytest.mark.parametrize(
    "config",
    [
        {**MODEL, "instructions": None, "audio": None, "delegation": None, "input": [], "triggers": []},
        {**MODEL, "audio": {"format": {"type": "audio/pcma"}, "output": {"voice": {"id": "voice_1"}}}},
        {**MODEL, "client": {"data_channel": {"allowed_client_events": "all"}}, "safety_identifier": "user-7"},
        {**MODEL, "input": [message("developer"), message("user"), message("assistant", kind="output_text")]},
        {"model": "any-other", "store": True, "delegation": RESPONSES},
    ],
)
def test_what_is_published_is_taken_and_shown(config: dict[str, Any]) -> None:
    session = Session(start=False)
    (started,) = session.start(config)
    assert started["type"] == "session.started"
    for name in ("client", "safety_identifier", "input", "store"):
        if config.get(name):
            assert started["session"][name] == config[name]


def test_a_format_is_shown_with_its_rate_and_a_voice_as_it_was_named() -> None:
    audio = {"format": {"type": "audio/pcma"}, "output": {"voice": {"id": "voice_1"}}}
    session = Session(config={**MODEL, "audio": audio})
    shown = session.events("session.started")[0]["session"]["audio"]
    assert shown == {"format": {"type": "audio/pcma", "rate": 8_000}, "output": {"voice": {"id": "voice_1"}}}


# --- updates


@pytest.mark.parametrize(
    ("update", "code", "param"),
    [
        ({"model": "other"}, "immutable_field_update", "session.model"),
        ({"instructions": "x"}, "immutable_field_update", "session.instructions"),
        ({"audio": {}}, "immutable_field_update", "session.audio"),
        ({"speed": 2}, "unknown_parameter", "session.speed"),
        ({"delegation": RESPONSES}, "immutable_field_update", "session.delegation.type"),
        ({"delegation": {"type": "client", "x": 1}}, "unknown_parameter", "session.delegation.x"),
        ({"triggers": [{"type": "decisions"}]}, "missing_required_parameter", "session.triggers[0].event_type"),
    ],
)
def test_an_update_that_cannot_be_taken_changes_nothing(update: dict[str, Any], code: str, param: str) -> None:
    session = Session()
    session.client("session.update", session=update)
    assert refusal(session) == (code, param)
    assert session.events("session.updated") == []


def test_an_update_of_client_delegation_by_null_changes_nothing_and_is_answered() -> None:
    session = Session()
    session.client("session.update", session={"delegation": None, "triggers": []})
    session.client("session.update", session={"delegation": {"type": "client", "acknowledgement_delay_ms": 5}})
    shown = [event["session"]["delegation"] for event in session.events("session.updated")]
    assert shown == [{"type": "client"}, {"type": "client", "acknowledgement_delay_ms": 5}]


def test_null_is_another_type_where_delegation_is_to_responses() -> None:
    session = Session(config={**MODEL, "delegation": RESPONSES})
    session.client("session.update", session={"delegation": None})
    assert refusal(session) == ("immutable_field_update", "session.delegation.type")


# --- forks


def stored(config: dict[str, Any]) -> StoredLiveSession:
    session = Session(config={**MODEL, "store": True, **config})
    session.client("session.close")
    kept = session.protocol.stored()
    assert kept is not None
    return kept


@pytest.mark.parametrize(
    ("config", "code", "param"),
    [
        ({"model": "x"}, "immutable_field_update", "session.model"),
        ({"instructions": "x"}, "immutable_field_update", "session.instructions"),
        ({"audio": {"output": {"voice": "ash"}}}, "immutable_field_update", "session.audio.output"),
        ({"speed": 2}, "unknown_parameter", "session.speed"),
        ({"delegation": RESPONSES}, "immutable_field_update", "session.delegation.type"),
    ],
)
def test_a_fork_inherits_what_it_may_not_set(config: dict[str, Any], code: str, param: str) -> None:
    fork = Session(start=False, stored=stored({}))
    fork.start(config)
    assert refusal(fork) == (code, param)


def test_a_fork_has_its_own_format_and_changes_its_responses() -> None:
    kept = stored({"delegation": RESPONSES, "audio": {"output": {"voice": "ash"}, "format": {"type": "audio/pcmu"}}})
    fork = Session(start=False, stored=kept)
    update = {"type": "responses", "responses": {"model": "text-2"}}
    (started,) = fork.start({"delegation": update, "store": False})
    assert started["session"]["audio"] == {"format": {"type": "audio/pcm", "rate": 24_000}, "output": {"voice": "ash"}}
    assert started["session"]["delegation"]["responses"] == {**RESPONSES["responses"], "model": "text-2"}  # type: ignore[dict-item]
    assert started["session"]["store"] is False
    assert Session(start=False, stored=kept).start({})[0]["session"]["store"] is True
