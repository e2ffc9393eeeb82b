"""Each rule undoes in writing what it does in reading, and leaves alone what it does not expect."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.dialects.places import copy_json, objects_at
from duologue.dialects.rules import Constant, Default, DialectRule, Lacks, Move, Placeholder, Rename, Respell, same
from duologue.dialects.wrapping import Format, Unwrap, Wrap

WORDS = (("pcm16", {"type": "audio/pcm", "rate": 24000}), ("pcm16", {"type": "audio/pcm"}))


def read(rule: DialectRule, frame: dict[str, Any]) -> dict[str, Any]:
    rule.read(frame)
    return frame


def write(rule: DialectRule, frame: dict[str, Any], *lost: str) -> dict[str, Any]:
    found: list[str] = []
    rule.write(frame, found)
    assert found == list(lost)
    return frame


@pytest.mark.parametrize(
    ("rule", "theirs", "ours"),
    [
        (Move("s", "voice", "audio.out.voice"), {"s": {"voice": "a"}}, {"s": {"audio": {"out": {"voice": "a"}}}}),
        (Move("", "code", "error.code"), {"code": "c"}, {"error": {"code": "c"}}),
        (Move("s", "off", "on", ((True, False),)), {"s": {"off": True}}, {"s": {"on": False}}),
        (
            Move("s.t[][type=f]", "f.n", "n"),
            {"s": {"t": [{"type": "f", "f": {"n": 1}}]}},
            {"s": {"t": [{"type": "f", "n": 1}]}},
        ),
        (Rename("", {"audio": "delta"}), {"audio": "x"}, {"delta": "x"}),
        (Constant("s", "type", "realtime"), {"s": {}}, {"s": {"type": "realtime"}}),
        (Default("", "event_id", ""), {}, {"event_id": ""}),
        (
            Respell("c[]", "type", {"text": "output_text"}),
            {"c": [{"type": "text"}]},
            {"c": [{"type": "output_text"}]},
        ),
        (Wrap("", "error", "message"), {"error": "no"}, {"error": {"message": "no"}}),
        (Unwrap("", "v", "name", {"type": "o"}), {"v": {"type": "o", "name": "a"}}, {"v": "a"}),
        (Format("", "f", "a.f", WORDS), {"f": "pcm16"}, {"a": {"f": {"type": "audio/pcm", "rate": 24000}}}),
        (Format("", "f", "a.f", WORDS), {"f": "opus"}, {"a": {"f": {"type": "opus"}}}),
        (Format("", "f", "a.f", WORDS), {"f": None}, {"a": {"f": None}}),
    ],
)
def test_reading_and_writing_undo_each_other(rule: DialectRule, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    assert read(rule, copy_json(theirs)) == ours
    assert write(rule, copy_json(ours)) == theirs


@pytest.mark.parametrize(
    ("rule", "frame"),
    [
        (Move("s", "voice", "audio.voice"), {"s": {"voice": "a", "audio": "not an object"}}),
        (Move("s", "voice", "audio.voice"), {"s": {"voice": "a", "audio": {"voice": "b"}}}),
        (Move("s", "voice", "audio.voice"), {"s": ["voice"]}),
        (Rename("", {"audio": "delta"}), {"audio": "x", "delta": "y"}),
        (Wrap("", "error", "message"), {"error": {"message": "no"}}),
        (Unwrap("", "v", "name", {"type": "o"}), {"v": {"type": "other", "name": "a"}}),
        (Format("", "f", "a.f", WORDS), {"f": "pcm16", "a": None}),
        (Placeholder("", "details", (("unimplemented", None),)), {"details": "other"}),
    ],
)
def test_what_a_rule_does_not_expect_stays_as_it_came(rule: DialectRule, frame: dict[str, Any]) -> None:
    assert read(rule, copy_json(frame)) == frame


def test_a_default_that_is_as_good_as_any_other_value_is_written() -> None:
    assert write(Default("", "output_index", 0, always_written=True), {"output_index": 0}) == {"output_index": 0}
    assert write(Default("", "output_index", 0), {"output_index": 0}) == {}
    assert write(Default("", "output_index", 0), {"output_index": False}) == {"output_index": False}


def test_what_they_lack_is_taken_out_and_reported_to_the_last_field() -> None:
    frame = {"s": {"audio": {"in": {"rate": 1, "gain": None}, "out": {}}, "rest": 1}}
    assert write(Lacks("s", ("audio", "absent")), frame, "s.audio.in.rate", "s.audio.in.gain") == {"s": {"rest": 1}}


def test_a_format_without_a_word_is_reported() -> None:
    rule = Format("", "f", "a.f", WORDS)
    assert write(rule, {"a": {"f": {"type": "audio/pcm", "rate": 8000}}}, "a.f") == {}


def test_a_default_stands_for_null_too() -> None:
    assert read(Default("", "item_id", ""), {"item_id": None}) == {"item_id": ""}


def test_an_error_in_a_word_reports_what_else_was_said() -> None:
    error = {"message": "no", "type": "server_error", "param": None}
    assert write(Wrap("", "error", "message"), {"error": error}, "error.type") == {"error": "no"}


def test_a_path_finds_objects_in_lists_and_by_a_field() -> None:
    frame = {"a": [{"type": "x/y", "n": 1}, {"type": "z"}, 3], "b": {"a": {"n": 2}}}
    assert objects_at(frame, "a[]") == frame["a"][:2]  # type: ignore[index]  # a list, as can be seen
    assert objects_at(frame, "a[][type=x/y]") == [{"type": "x/y", "n": 1}]
    assert objects_at(frame, "b.a") == [{"n": 2}]
    assert objects_at(frame, "") == [frame]
    assert objects_at(frame, "a") == objects_at(frame, "b[]") == objects_at([], "a") == []
    with pytest.raises(ValueError, match="not a step of a path"):
        objects_at(frame, "a..b")


def test_json_values_are_the_same_however_a_number_is_spelled_and_true_is_none() -> None:
    assert same({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]})
    assert not any(
        (
            same(1, True),
            same(0.0, False),
            same([1], [True]),
            same({"a": 1}, {"a": 1, "b": 2}),
            same([1], [1, 2]),
            same({}, []),
            same({"a": 1}, {"b": 1}),
            same("1", 1),
        )
    )


def test_values_are_compared_as_deep_as_they_go() -> None:
    one: list[object] = []
    other: list[object] = []
    for _ in range(5000):
        one, other = [one], [other]
    assert same(one, other)
    assert not same(one, [other])
