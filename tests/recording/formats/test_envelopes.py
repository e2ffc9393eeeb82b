"""Frames inside of other objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue.recording.formats.envelopes import contents
from duologue.recording.formats.found import FoundFrame

FRAME = {"type": "response.create", "n": 10**30}
TEXT = json.dumps(FRAME)


def found(content: Any) -> list[FoundFrame]:
    return list(contents(FoundFrame(7, json.dumps(content).encode())))


@pytest.mark.parametrize("key", ["frame", "data", "event", "payload", "message", "msg", "json", "body", "raw", "text"])
@pytest.mark.parametrize("value", [FRAME, TEXT, f"Sending: {TEXT}"], ids=["object", "text", "line"])
def test_a_frame_is_found_in_a_field(key: str, value: object) -> None:
    (frame,) = found({key: value, "ts": 5})
    assert (json.loads(frame.text), frame.number, frame.at_s, frame.problem) == (FRAME, 7, 5.0, "")


@pytest.mark.parametrize(
    "envelope",
    [
        {"direction": "received"},
        {"dir": "in"},
        {"type": "receive"},
        {"type": "message", "from": "server"},
        {"event": "framereceived"},
        {"type": "websocket", "op": "recv"},
    ],
)
def test_the_envelope_says_the_direction(envelope: dict[str, Any]) -> None:
    (frame,) = found({**envelope, "data": TEXT})
    assert (frame.direction, frame.text) == ("received", TEXT)


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "response.create", "frame": {"type": "other"}},
        {"type": "new.event", "direction": "sent", "data": {"type": "other"}},
        {"type": "conversation.item.create", "item": {"content": []}, "event_id": "sent"},
        {"no": "type"},
        {"event": "session.update", "gone": ["voice"]},
        {},
    ],
)
def test_a_frame_stays_itself_whatever_its_fields_are_called(frame: dict[str, Any]) -> None:
    assert [each.text for each in found(frame)] == [json.dumps(frame).encode()]


def test_lists_of_frames_are_found_in_their_order() -> None:
    frames = found({"session": "s", "events": [{"dir": "out", "msg": FRAME}, {"dir": "in", "msg": {"type": "b"}}]})
    assert [(frame.direction, json.loads(frame.text)["type"]) for frame in frames] == [
        ("sent", "response.create"),
        ("received", "b"),
    ]


@pytest.mark.parametrize(
    "record",
    [
        {"level": "info", "msg": "connected"},
        {"method": "Network.loadingFinished", "params": {"requestId": "1"}},
        {"id": 3, "method": "GET", "url": "https://x", "response": {"status": 200}},
        {"startedDateTime": "now", "request": {"url": "https://x"}, "response": {"status": 200}},
    ],
)
def test_records_about_other_things_hold_nothing(record: dict[str, Any]) -> None:
    assert found(record) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"frame": 5}, "`frame` is neither an object nor a text"),
        ({"dir": "in", "data": [5]}, "`data` is neither an object nor a text"),
        ({"opcode": 2, "data": "AAEC"}, "a binary message of 3 bytes, and frames are text"),
        ({"opcode": 2, "data": "!"}, "a binary message of 1 bytes, and frames are text"),
    ],
)
def test_what_is_no_frame_is_a_problem(content: dict[str, Any], problem: str) -> None:
    assert [(frame.text, frame.problem) for frame in found(content)] == [(b"", problem)]


def test_a_text_that_is_no_object_is_handed_on_for_its_reader_to_name() -> None:
    assert [frame.text for frame in found({"direction": "sent", "data": "pong"})] == ["pong"]
    assert [frame.text for frame in found({"frame": "pong"})] == ["pong"]
    assert [frame.text for frame in found({"data": '{"type": '})] == ['{"type": ']


def test_envelopes_within_envelopes_have_an_end() -> None:
    content: dict[str, Any] = FRAME
    for _ in range(20):
        content = {"data": content}
    (frame,) = found(content)
    assert "response.create" in str(frame.text)
    (frame,) = contents(FoundFrame(1, b'{"data":' * 3000))
    assert frame.problem.startswith("not a JSON object")
