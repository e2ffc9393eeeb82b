"""An update changes the fields that it names, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.codec.writing import to_plain
from duologue.events import SessionUpdateEvent
from duologue.protocol.config_merge import merge
from tests.protocol._wire import command

SERVER_VAD = {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}
RESPONDS = {"create_response": True, "interrupt_response": True}


def config(session: dict[str, Any]) -> Any:
    event = command("session.update", session={"type": "realtime", **session})
    assert isinstance(event, SessionUpdateEvent)
    return event.session


def merged(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    before = config(old)
    plain = to_plain(before)
    result: dict[str, Any] = to_plain(merge(before, config(change)))
    assert to_plain(before) == plain
    return {key: value for key, value in result.items() if key != "type"}


def audio_input(**fields: Any) -> dict[str, Any]:
    return {"audio": {"input": fields}}


VOICE = {"audio": {"output": {"voice": "marin", "speed": 1.2}}}
TOOL = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("old", "change", "result"),
    [
        ({"instructions": "a", "tools": [TOOL]}, {}, {"instructions": "a", "tools": [TOOL]}),
        ({"instructions": "a", "tools": [TOOL]}, {"instructions": ""}, {"instructions": "", "tools": [TOOL]}),
        ({"tools": [TOOL]}, {"tools": []}, {"tools": []}),
        ({"instructions": "a"}, {"instructions": None}, {"instructions": "a"}),
        ({"tracing": "auto"}, {"tracing": None}, {"tracing": None}),
        (VOICE, {"audio": None}, VOICE),
        (VOICE, {"audio": {"output": {"speed": 1.0}}}, {"audio": {"output": {"voice": "marin", "speed": 1.0}}}),
        (VOICE, audio_input(turn_detection=None), {"audio": {**VOICE["audio"], "input": {"turn_detection": None}}}),
        ({}, VOICE, VOICE),
        (
            audio_input(transcription={"model": "m", "language": "nl"}, noise_reduction={"type": "far_field"}),
            audio_input(transcription={"model": "n"}, noise_reduction=None),
            audio_input(transcription={"model": "n", "language": None, "prompt": None}, noise_reduction=None),
        ),
        (
            audio_input(turn_detection={"type": "semantic_vad", "eagerness": "low"}),
            audio_input(turn_detection={"type": "server_vad", "threshold": 0.9}),
            audio_input(
                turn_detection={
                    "type": "server_vad", **SERVER_VAD, "threshold": 0.9, "idle_timeout_ms": None, **RESPONDS,
                }
            ),
        ),
        ({}, {"house_rule": 1}, {}),
    ],
    ids=[
        *("absent keeps", "value replaces", "a list is replaced", "null keeps", "null switches off"),
        *("null keeps an object", "objects merge", "objects merge deeply", "a new object"),
        *("an object is replaced, with defaults", "detection is replaced, with defaults", "unknown is dropped"),
    ],
)  # fmt: skip
def test_an_update_changes_what_it_names(old: dict[str, Any], change: dict[str, Any], result: dict[str, Any]) -> None:
    assert merged(old, change) == result


def test_detection_of_a_session_that_never_responds_has_no_defaults_for_responses() -> None:
    kind = {"type": "transcription"}
    before = {**kind, **audio_input(transcription={"model": "m"})}
    change = {**kind, **audio_input(turn_detection={"type": "server_vad"})}
    assert merged(before, change) == audio_input(
        transcription={"model": "m"}, turn_detection={"type": "server_vad", **SERVER_VAD}
    )
