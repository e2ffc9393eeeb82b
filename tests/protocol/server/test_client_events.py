"""Client events that a session accepts, and the answers to the others."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.testing import Pair
from tests.protocol._wire import invalid, raw

ACCEPTED = [
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.truncate",
    "conversation.item.delete",
    "conversation.item.retrieve",
    "response.create",
    "response.cancel",
]


@pytest.mark.parametrize("name", ["response.dance", "session.created", "output_audio_buffer.clear", "", "$unknown"])
def test_an_unknown_type_is_answered_with_the_list_of_the_known_ones(pair: Pair, name: str) -> None:
    error = invalid(raw(pair, {"type": name, "event_id": "e1"}))
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "type", "e1")
    for accepted in ACCEPTED:
        assert f"'{accepted}'" in error["message"]


@pytest.mark.parametrize("message", [{}, {"type": None}, {"type": 7}, {"type": ["response.create"]}, {"error": {}}])
def test_an_event_without_a_type_is_rejected(pair: Pair, message: dict[str, Any]) -> None:
    error = invalid(raw(pair, {**message, "event_id": "e1"}))
    assert (error["code"], error["param"], error["event_id"]) == ("missing_required_parameter", "type", "e1")


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"type": "input_audio_buffer.append"}, "audio"),
        ({"type": "session.update"}, "session"),
        ({"type": "conversation.item.create"}, "item"),
        ({"type": "conversation.item.retrieve"}, "item_id"),
        ({"type": "conversation.item.delete"}, "item_id"),
        ({"type": "conversation.item.truncate", "item_id": "x", "content_index": 0}, "audio_end_ms"),
    ],
)
def test_a_missing_field_is_named(pair: Pair, message: dict[str, Any], param: str) -> None:
    error = invalid(raw(pair, {**message, "event_id": "e1"}))
    assert (error["code"], error["param"], error["event_id"]) == ("missing_required_parameter", param, "e1")
    assert error["message"] == f"Missing required parameter: '{param}'."


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_unknown_field_is_named_in_every_event(pair: Pair, name: str) -> None:
    filled: dict[str, Any] = {
        "session": {"type": "realtime"},
        "audio": "",
        "item": {"type": "message", "role": "user", "content": []},
        "item_id": "x",
        "content_index": 0,
        "audio_end_ms": 0,
    }
    fields = {
        "session.update": ["session"],
        "input_audio_buffer.append": ["audio"],
        "conversation.item.create": ["item"],
        "conversation.item.truncate": ["item_id", "content_index", "audio_end_ms"],
        "conversation.item.delete": ["item_id"],
        "conversation.item.retrieve": ["item_id"],
    }
    error = invalid(raw(pair, {"type": name, **{f: filled[f] for f in fields.get(name, [])}, "colour": "red"}))
    assert (error["code"], error["param"]) == ("unknown_parameter", "colour")
    assert error["message"] == "Unknown parameter: 'colour'."


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"type": "input_audio_buffer.append", "audio": 7}, "audio"),
        ({"type": "input_audio_buffer.append", "audio": None}, "audio"),
        ({"type": "session.update", "session": "x"}, "session"),
        ({"type": "conversation.item.delete", "item_id": 7}, "item_id"),
        (
            {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 1.5},
            "audio_end_ms",
        ),
        ({"type": "response.create", "response": []}, "response"),
        ({"type": "response.cancel", "response_id": 7}, "response_id"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(pair: Pair, message: dict[str, Any], param: str) -> None:
    error = invalid(raw(pair, {**message, "event_id": "e1"}))
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", param, "e1")


@pytest.mark.parametrize("event_id", [7, None, {"a": 1}, []])
def test_an_event_id_that_is_no_text_is_not_echoed(pair: Pair, event_id: object) -> None:
    error = invalid(raw(pair, {"type": "response.cancel", "event_id": event_id}))
    assert error["event_id"] is None
