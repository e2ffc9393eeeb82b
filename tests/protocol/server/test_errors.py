"""Every invalid request: its code, parameter and message, what it leaves unchanged, and that it frees its memory."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from duologue.events import RealtimeEvent
from duologue.protocol import ServerProtocol
from duologue.protocol.server.errors import INVALID_REQUESTS, InvalidRequest
from duologue.testing import Pair
from tests._memory import nothing_left_of
from tests.protocol._refused import FULL, PARAMS, SMALL, WAYS, Provoked
from tests.protocol._wire import create, invalid, raw, session_of, types, update, user_text

_OTHERWISE = {
    "expired": "the clock's, which answers no event; a session that expires is among the ends of sessions",
}


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
def test_an_invalid_request_has_its_code_parameter_and_message_and_the_session_goes_on(
    pair: Pair, message: str | bytes | dict[str, Any], code: str | None, param: str | None, words: str
) -> None:
    before = session_of(pair)
    error = invalid(raw(pair, message) if isinstance(message, dict) else pair.send_raw(message))
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["event_id"] is None
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


def test_every_invalid_request_has_a_way_to_provoke_it() -> None:
    assert WAYS.keys() | _OTHERWISE.keys() == INVALID_REQUESTS.keys()


@pytest.mark.parametrize("name", WAYS)
def test_a_rejected_event_and_its_session_are_freed_at_once(name: str) -> None:
    with nothing_left_of(ServerProtocol, InvalidRequest, RealtimeEvent):
        [*_, error] = WAYS[name]()
        code, words = INVALID_REQUESTS[name]
        assert error["type"] == "error", error
        assert (error["error"]["code"], error["error"]["param"]) == (code, PARAMS.get(name))
        assert error["error"]["type"] == ("server_error" if name == "server_full" else "invalid_request_error")
        shape = ".*".join(re.escape(part) for part in re.split(r"\{[^}]*\}", words))
        assert re.fullmatch(shape, error["error"]["message"], re.DOTALL)


@pytest.mark.parametrize("param", FULL)
def test_a_full_session_names_what_did_not_fit_and_counts_nothing_of_it(param: str) -> None:
    session = Provoked(msgspec.structs.replace(SMALL, max_event_bytes=1_000_000, max_session_bytes=12_000))
    before = dict(session.protocol.held)
    [error] = FULL[param](session)
    assert (error["error"]["code"], error["error"]["param"]) == ("invalid_value", param)
    assert "up to 12000 bytes of memory" in error["error"]["message"]
    assert {kind: held for kind, held in session.protocol.held.items() if held} == before


def test_a_session_that_rejects_events_keeps_no_event_while_it_lasts() -> None:
    session = Provoked(SMALL)
    with nothing_left_of(InvalidRequest, RealtimeEvent):
        for _ in range(3):
            session.item(type="function_call_output", call_id="unknown", output="x" * 20_000)
            session.send("response.cancel", event_id="e" * 600)
            session.send_text("{")
