"""An error frame is an error event whatever it lacks, and comes back as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from duologue import RealtimeEvent, decode, encode
from duologue.codec import decode_translation, encode_translation
from duologue.dialects import PROFILES
from duologue.events import ErrorEvent, RealtimeError, TranslationErrorEvent, is_set
from tests.codec.frames import any_json, examples, json_objects

GUARDRAIL = {"type": "guardrail_violation", "message": "Content blocked."}

ERRORS: list[tuple[dict[str, Any], RealtimeError]] = [
    ({"error": GUARDRAIL}, RealtimeError(type="guardrail_violation", message="Content blocked.")),
    ({"error": {"message": "m"}}, RealtimeError(type="", message="m")),
    ({"error": {"code": "c"}}, RealtimeError(type="", message="", code="c")),
    ({"error": {"type": "t"}}, RealtimeError(type="t", message="")),
    ({"error": {"detail": "m", "code": 404}}, RealtimeError(type="", message="m", code="404")),
    ({"error": "m"}, RealtimeError(type="", message="m")),
    ({"error": "m", "code": "c", "param": None}, RealtimeError(type="", message="m", code="c")),
    ({"message": "m", "code": 1011}, RealtimeError(type="", message="m", code="1011")),
    ({"detail": "m"}, RealtimeError(type="", message="m")),
    ({"error": None}, RealtimeError(type="", message="")),
    ({}, RealtimeError(type="", message="")),
]


@pytest.mark.parametrize("dialect", PROFILES)
@pytest.mark.parametrize(("fields", "error"), ERRORS, ids=[json.dumps(fields) for fields, _ in ERRORS])
def test_an_error_is_read_whatever_it_lacks(fields: dict[str, Any], error: RealtimeError, dialect: str) -> None:
    frame = {"type": "error", **fields}
    event = decode(json.dumps(frame), dialect=dialect)
    assert isinstance(event, ErrorEvent)
    assert not is_set(event.event_id)
    got = event.error
    assert (got.type, got.message, got.code or None) == (error.type, error.message, error.code or None)
    assert json.loads(encode(event, dialect=dialect)) == frame


@pytest.mark.parametrize("dialect", PROFILES)
@pytest.mark.parametrize(
    ("frame", "message", "code"),
    [
        ({"error": {"message": "m", "type": "auth", "code": 401}}, "m", "401"),
        ({"error": "m", "status_code": 500}, "m", "500"),
        ({"error": [{"message": "m"}]}, "m", None),
        ({"error": {"error": {"message": "m", "code": "c"}}}, "m", "c"),
        ({"type": "error", "error": {"error": {"message": "m", "code": "c"}}}, "m", "c"),
        ({"type": "error", "error": [{"error": {"message": "m"}}, "n"]}, "m", None),
    ],
)
def test_an_error_as_gateways_answer_over_http_is_one_without_a_type_and_wrapped(
    frame: dict[str, Any], message: str, code: str | None, dialect: str
) -> None:
    event = decode(json.dumps(frame), dialect=dialect)
    assert isinstance(event, ErrorEvent)
    assert (event.error.message, event.error.code or None) == (message, code)
    assert json.loads(encode(event, dialect=dialect)) == frame
    assert isinstance(decode_translation(json.dumps(frame)), TranslationErrorEvent)


@pytest.mark.parametrize("fields", [fields for fields, _ in ERRORS], ids=json.dumps)
def test_its_json_is_what_came(fields: dict[str, Any]) -> None:
    frame = {"type": "error", "event_id": "event_1", **fields}
    for event in (decode(json.dumps(frame)), RealtimeEvent.from_json(frame)):
        assert isinstance(event, ErrorEvent)
        assert (event.event_id, event.to_json(), json.loads(encode(event))) == ("event_1", frame, frame)
    translation = decode_translation(json.dumps(frame))
    assert isinstance(translation, TranslationErrorEvent)
    assert translation.to_json() == json.loads(encode_translation(translation)) == frame


@examples(200)
@given(json_objects, any_json, any_json)
def test_no_error_frame_stays_unknown_or_changes(fields: dict[str, Any], error: Any, event_id: Any) -> None:
    for frame in (fields, {**fields, "error": error}, {**fields, "error": error, "event_id": event_id}):
        frame = {**frame, "type": "error"}
        for dialect in ("openai", "openai-beta", "vllm", "localai"):
            event = decode(json.dumps(frame), dialect=dialect)
            assert isinstance(event, ErrorEvent)
            assert json.loads(encode(event, dialect=dialect)) == frame
        assert RealtimeEvent.from_json(frame).to_json() == frame


def test_a_program_that_changes_such_an_error_writes_the_change() -> None:
    event = decode('{"type":"error","message":"m"}')
    assert isinstance(event, ErrorEvent)
    changed = ErrorEvent(error=RealtimeError(type="t", message="other"), extra=event.extra)
    assert changed.to_json() == {"type": "error", "error": {"type": "t", "message": "other"}}
