"""A lenient session accepts harmless faults, reports each once, and rejects the rest."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol import Respond, SessionDefaults, ToleratedFault
from duologue.testing import Pair
from tests.protocol._wire import client_event, create, invalid, raw, respond, session_of, types, update, user_text


@pytest.fixture
def lenient() -> Pair:
    pair = Pair(SessionDefaults(lenient=True))
    pair.connect()
    return pair


def passed(pair: Pair) -> list[tuple[str, str, str]]:
    """What the session has reported, each report once."""
    reports = [command for command in pair.commands if isinstance(command, ToleratedFault)]
    pair.commands[:] = [command for command in pair.commands if not isinstance(command, ToleratedFault)]
    return [(report.event_type, report.param, report.value_type) for report in reports]


@pytest.mark.parametrize(
    ("session", "param", "value_type"),
    [
        ({"modalities": ["text"]}, "session.modalities", "array"),
        ({"temperature": 0.8}, "session.temperature", "number"),
        ({"audio": {"input": {"gain": None}}}, "session.audio.input.gain", "null"),
        ({"tools": [{"type": "function", "name": "f", "strict": True}]}, "session.tools[0].strict", "boolean"),
        ({"max_output_tokens": 100_000}, "session.max_output_tokens", "number"),
        ({"output_modalities": ["audio", "text"]}, "session.output_modalities", "array"),
        ({"tracing": "please"}, "session.tracing", "string"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
            "session.audio.input.format.rate",
            "number",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 20_000}}}},
            "session.audio.input.turn_detection.silence_duration_ms",
            "number",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "very"}}}},
            "session.audio.input.turn_detection.eagerness",
            "string",
        ),
        (
            {"audio": {"input": {"noise_reduction": {"type": "magic"}}}},
            "session.audio.input.noise_reduction.type",
            "string",
        ),
    ],
)
def test_what_does_no_harm_passes_and_is_reported_without_its_value(
    lenient: Pair, pair: Pair, session: dict[str, Any], param: str, value_type: str
) -> None:
    assert types(lenient.send(update(instructions="taken", **session))) == ["session.updated"]
    assert session_of(lenient)["instructions"] == "taken"
    assert passed(lenient) == [("session.update", param, value_type)]
    assert invalid(pair.send(update(**session)))["param"] == param
    assert passed(pair) == []


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"output_modalities": []}, "session.output_modalities"),
        ({"output_modalities": ["video"]}, "session.output_modalities"),
        ({"max_output_tokens": 0}, "session.max_output_tokens"),
        ({"tool_choice": "maybe"}, "session.tool_choice"),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "session.audio.input.turn_detection.threshold",
        ),
        ({"audio": {"output": {"format": {"type": "audio/pcm", "rate": 96_000}}}}, "session.audio.output.format.rate"),
        ({"audio": {"input": {"turn_detection": {"type": "telepathy"}}}}, "session.audio.input.turn_detection.type"),
    ],
)
def test_what_would_change_what_the_client_gets_is_rejected_all_the_same(
    lenient: Pair, session: dict[str, Any], param: str
) -> None:
    assert invalid(lenient.send(update(**session)))["param"] == param


def test_every_event_may_have_fields_of_its_own(lenient: Pair) -> None:
    lenient.send(create(user_text("hi"), mood="good"))
    lenient.send(respond(temperature=1), client_event("response.cancel", why="because"))
    assert [param for _, param, _ in passed(lenient)] == ["mood", "response.temperature", "why"]


def test_each_liberty_is_reported_once(lenient: Pair) -> None:
    for _ in range(5):
        lenient.send(update(temperature=0.5))
    assert passed(lenient) == [("session.update", "session.temperature", "number")]


def test_reports_have_an_end(lenient: Pair) -> None:
    assert types(lenient.send(update(**{f"field_{n}": n for n in range(1000)}))) == ["session.updated"]
    assert len(passed(lenient)) == 100


def test_an_output_without_its_call_passes(lenient: Pair) -> None:
    lone = {"type": "function_call_output", "call_id": "gone", "output": "42"}
    assert types(lenient.send(create(lone)))[0] == "conversation.item.added"
    assert passed(lenient) == [("conversation.item.create", "item.call_id", "string")]


def test_both_modalities_mean_speech(lenient: Pair) -> None:
    lenient.send(respond(output_modalities=["text", "audio"]))
    assert lenient.take(Respond).speak


def test_a_long_event_id_passes_and_is_not_repeated(lenient: Pair) -> None:
    assert invalid(raw(lenient, {"type": "response.cancel", "event_id": "e" * 513}))["event_id"] is None
    assert passed(lenient) == [("response.cancel", "event_id", "string")]
