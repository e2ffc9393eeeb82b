"""Dotted paths into a frame."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.dialects.places import ABSENT, find, objects_at, put, take

FRAME: dict[str, Any] = {"a": {"b": {"c": 1}}, "items": [{"type": "x", "n": 1}, {"type": "y"}, 7], "word": "w"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", [FRAME]),
        ("a.b", [{"c": 1}]),
        ("items[]", FRAME["items"][:2]),
        ("items[][type=x]", FRAME["items"][:1]),
        ("a[type=x]", []),
        ("items", []),
        ("word.b", []),
    ],
)
def test_objects_at_a_path(path: str, found: list[Any]) -> None:
    assert objects_at(FRAME, path) == found


@pytest.mark.parametrize("frame", [[], None, "a"])
def test_there_are_no_objects_in_what_is_none(frame: Any) -> None:
    assert objects_at(frame, "") == []


@pytest.mark.parametrize("path", ["a..b", "a!", "items[", "a[b]"])
def test_what_is_no_path_raises(path: str) -> None:
    with pytest.raises(ValueError, match="not a step of a path"):
        objects_at(FRAME, path)


def test_find_returns_a_value_or_absent() -> None:
    assert (find(FRAME, "a.b.c"), find(FRAME, "a.x"), find(FRAME, "word.x")) == (1, ABSENT, ABSENT)
    assert repr(ABSENT) == "ABSENT"


def test_put_makes_the_objects_on_the_way_and_overwrites_no_other_value() -> None:
    frame: dict[str, Any] = {"word": "w"}
    assert put(frame, "a.b", 1)
    assert not put(frame, "word.b", 1)
    assert frame == {"word": "w", "a": {"b": 1}}


def test_take_removes_a_value_and_the_objects_that_become_empty() -> None:
    frame: dict[str, Any] = {"a": {"b": {"c": 1}, "d": 2}, "word": "w", "empty": {}}
    assert take(frame, "a.b.c") == 1
    assert frame == {"a": {"d": 2}, "word": "w", "empty": {}}
    assert (take(frame, "word.x"), take(frame, "x"), take(frame, "empty.x")) == (ABSENT, ABSENT, ABSENT)
    assert frame == {"a": {"d": 2}, "word": "w", "empty": {}}
