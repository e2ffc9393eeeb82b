"""Tables of frames: what is read, what is written, and why not."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.telephony.codecs.frame_shapes import (
    BASE64,
    FLAG,
    KEY,
    NUMBER,
    NUMBER_TEXT,
    TEXT,
    TEXTS,
    Field,
    FrameFault,
    FrameShapes,
    Kind,
    Shape,
    json_object,
)
from duologue.telephony.codecs.leg_events import CallEnded, Cleared, Digit, Played

_TABLE = FrameShapes(
    "event",
    {
        "mark": Shape(Played, (Field("name", ("mark", "name"), TEXT),)),
        "key": Shape(
            Digit,
            (Field("digit", ("key",), KEY), Field("duration_ms", ("ms",), NUMBER, required=False)),
            constants={"track": "inbound"},
        ),
        "stop": Shape(CallEnded, keeps_details=True),
    },
    aliases={"marked": "mark"},
)


@pytest.mark.parametrize(
    ("kind", "found", "value", "written"),
    [
        (TEXT, "a", "a", "a"),
        (TEXT, 7, "7", "7"),
        (NUMBER, "12", 12, 12),
        (NUMBER, 12.0, 12, 12),
        (NUMBER_TEXT, 12, 12, "12"),
        (FLAG, True, True, True),
        (BASE64, "AAE=", b"\0\1", "AAE="),
        (TEXTS, {"a": "b", "c": [1]}, {"a": "b", "c": "[1]"}, {"a": "b", "c": "[1]"}),
        (KEY, "a", "A", "A"),
        (KEY, 5, "5", "5"),
    ],
)
def test_a_kind_reads_what_carriers_write_and_writes_one_form(kind: Kind, found: Any, value: Any, written: Any) -> None:
    assert kind.read(found) == value
    assert kind.write(value) == written


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (TEXT, True),
        (TEXT, 1.5),
        (TEXT, ["a"]),
        (NUMBER, True),
        (NUMBER, -1),
        (NUMBER, "-1"),
        (NUMBER, "²"),
        (NUMBER, "9" * 5_000),
        (NUMBER, 1.5),
        (NUMBER, 2**54),
        (NUMBER, float("inf")),
        (FLAG, 1),
        (BASE64, 5),
        (BASE64, "AAE"),
        (BASE64, "AA\nE="),
        (BASE64, "é"),
        (TEXTS, "a"),
        (TEXTS, {str(number): "" for number in range(257)}),
        (KEY, "10"),
        (KEY, ""),
        (KEY, "E"),
    ],
)
def test_a_kind_refuses_all_else(kind: Kind, found: Any) -> None:
    with pytest.raises(FrameFault):
        kind.read(found)


def test_a_frame_is_read_by_its_name_and_by_its_other_name() -> None:
    assert _TABLE.read({"event": "mark", "mark": {"name": "1"}}) == Played(name="1")
    assert _TABLE.read({"event": "marked", "mark": {"name": "1"}}) == Played(name="1")
    assert _TABLE.write(Played(name="1")) == {"event": "mark", "mark": {"name": "1"}}


def test_what_need_not_be_there_is_left_out() -> None:
    assert _TABLE.read({"event": "key", "key": "1", "ms": None}) == Digit(digit="1")
    assert _TABLE.write(Digit(digit="1")) == {"event": "key", "track": "inbound", "key": "1"}
    assert _TABLE.write(Digit(digit="1", duration_ms=5))["ms"] == 5


def test_details_are_the_frame_and_are_copied_when_they_are_written() -> None:
    frame = {"event": "stop", "stop": {"a": {"b": 1}}}
    event = _TABLE.read(frame)
    written = _TABLE.write(event, {("stop", "c"): 2})
    assert written == {"event": "stop", "stop": {"a": {"b": 1}, "c": 2}}
    assert event.details == frame
    assert "c" not in frame["stop"]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({}, "it has no 'event'"),
        ({"event": 5}, "it has no 'event'"),
        ({"event": "\x1b[31mred" + "x" * 500}, "unknown event"),
        ({"event": "mark"}, "mark has no mark.name"),
        ({"event": "mark", "mark": "x"}, "mark has no mark.name"),
        ({"event": "mark", "mark": {"name": []}}, "mark.name: no text"),
    ],
)
def test_a_fault_says_what_is_wrong_in_a_line(frame: dict[str, Any], reason: str) -> None:
    with pytest.raises(FrameFault) as fault:
        _TABLE.read(frame)
    assert reason in str(fault.value)
    assert len(str(fault.value)) < 200
    assert "\x1b" not in str(fault.value)


def test_what_a_table_has_not_cannot_be_written() -> None:
    with pytest.raises(FrameFault, match="Cleared has no frame here"):
        _TABLE.write(Cleared())


@pytest.mark.parametrize("text", ["", "[]", "5", "{", "\ud800", b"\xff", "{" * 100_000, '{"a":' * 100_000])
def test_what_is_no_json_object_is_a_fault(text: str | bytes) -> None:
    with pytest.raises(FrameFault):
        json_object(text)
