from __future__ import annotations

import json
from typing import Any

import pytest

from duologue.protocol import ServerProtocol
from duologue.protocol.server.errors import INVALID_REQUESTS, InvalidRequest
from duologue.testing import Pair
from tests.protocol._wire import invalid, raw, session_of, types, update

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


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "nonsense", "[]", "7", "null", '"text"', '{"type": NaN}', "{'type': 'x'}", "[" * 5000, "\ud800"],
)
def test_text_that_is_no_json_object_is_answered_with_invalid_json(pair: Pair, text: str) -> None:
    error = invalid(pair.send_raw(text))
    assert (error["type"], error["code"], error["param"], error["event_id"]) == (
        "invalid_request_error",
        "invalid_json",
        None,
        None,
    )


@pytest.mark.parametrize("message", [b"", b"\x00\xff", b'{"type":"response.create"}'])
def test_a_binary_message_is_answered_with_invalid_event(pair: Pair, message: bytes) -> None:
    assert invalid(pair.send_raw(message))["code"] == "invalid_event"


@pytest.mark.parametrize("name", ["response.dance", "session.created", "output_audio_buffer.clear", "", "$unknown"])
def test_an_unknown_type_is_answered_with_the_list_of_the_known_ones(pair: Pair, name: str) -> None:
    error = invalid(raw(pair, {"type": name, "event_id": "e1"}))
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "type", "e1")
    for accepted in ACCEPTED:
        assert f"'{accepted}'" in error["message"]


@pytest.mark.parametrize("message", [{}, {"type": None}, {"type": 7}, {"type": ["response.create"]}])
def test_an_event_without_a_type_is_refused(pair: Pair, message: dict[str, Any]) -> None:
    assert invalid(raw(pair, {**message, "event_id": "e1"}))["event_id"] == "e1"


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


def test_the_session_goes_on_after_any_number_of_refusals(pair: Pair) -> None:
    for message in ("{", b"\0", '{"type":"x"}', '{"type":"response.cancel"}') * 50:
        invalid(pair.send_raw(message))
    assert types(pair.send(update(instructions="still here"))) == ["session.updated"]
    assert session_of(pair)["instructions"] == "still here"


def test_every_error_says_what_it_is_about_in_a_sentence() -> None:
    for name in INVALID_REQUESTS:
        details = dict.fromkeys(
            ("reason", "value", "supported", "expected", "got", "least", "kind", "least_ms", "response_id"), "x"
        )
        more = dict.fromkeys(
            ("item_id", "minutes", "audio_end_ms", "own", "most", "tool", "call_id", "most_bytes", "got_bytes"), "x"
        )
        given: dict[str, Any] = {**details, **more}
        refused = InvalidRequest(name, param="p", held_ms=1.0, **given)
        assert refused.message
        assert "{" not in refused.message


def test_receiving_before_the_greeting_works() -> None:
    server = ServerProtocol(new_id=lambda kind: kind, now=0, started_at=0)
    server.receive_text(json.dumps({"type": "input_audio_buffer.clear"}), now=0)
    assert [event.type for event in server.take_events()] == ["input_audio_buffer.cleared"]


PICTURE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    "url",
    ["http://h/a.png", "https://h/a.png", "file:///etc/passwd", "//h/a.png", "", "data:", "data:text/html;base64,AA==",
     "data:image/png,AA", " data:image/png;base64,AA==", "data:image/svg+xml;utf8,<svg/>", "data:image/png;base64,é"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["conversation.item.create", "response.create"])
def test_a_picture_is_a_data_uri_and_an_address_is_refused(pair: Pair, url: str, way: str) -> None:
    def message(image_url: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": "Look"}, {"type": "input_image", "image_url": image_url}]
        item = {"type": "message", "role": "user", "content": content}
        return (
            {"type": way, "item": item} if way.endswith("item.create") else {"type": way, "response": {"input": [item]}}
        )

    error = invalid(raw(pair, message(url)))
    path = "item" if way.endswith("item.create") else "response.input[0]"
    assert (error["code"], error["param"]) == ("invalid_value", f"{path}.content[1].image_url")


@pytest.mark.parametrize(
    "url", [PICTURE, "data:image/jpeg;base64,AA==", "DATA:image/svg+xml;charset=utf-8;base64,AA=="]
)
def test_a_data_uri_of_a_picture_is_taken(pair: Pair, url: str) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": url}]}
    assert "error" not in types(raw(pair, {"type": "conversation.item.create", "item": item}))
