"""Events of a client against those that were recorded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.events.base import encode_audio
from duologue.testing.cassettes.client_ids import ClientIds
from duologue.testing.cassettes.comparison import IgnoredFields, differences
from tests.testing.cassettes._tape import item

PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
EVENTS = st.dictionaries(st.text(max_size=6), PLAIN, max_size=5)


def found(
    recorded: dict[str, Any], came: dict[str, Any], *ignore: str, made: frozenset[str] = frozenset()
) -> list[str]:
    return [str(each) for each in differences(recorded, came, ids=ClientIds(made), ignored=IgnoredFields(ignore))]


@given(EVENTS)
def test_an_event_is_the_same_as_itself(event: dict[str, Any]) -> None:
    assert found(event, event) == []


@given(EVENTS, st.text(max_size=6), PLAIN)
def test_a_field_more_is_a_difference_in_both_directions(event: dict[str, Any], name: str, value: Any) -> None:
    rest = {each: inner for each, inner in event.items() if each != name}
    expected = [] if name == "event_id" else [name]
    for one, other in ((rest, {**rest, name: value}), ({**rest, name: value}, rest)):
        # A name with a control character is quoted.
        assert len(found(one, other)) == len(expected)


@pytest.mark.parametrize(
    ("recorded", "came", "words"),
    [
        ("Be brief.", "Be kind.", '"Be brief." was recorded, and "Be kind." came'),
        (1, 2, "1 was recorded, and 2 came"),
        (1, True, "1 was recorded, and true came"),
        (None, "a", 'null was recorded, and "a" came'),
        ([1, 2], [1], "2 elements were recorded, and 1 came"),
        ({}, [], "{} was recorded, and [] came"),
        ("a\n\x1b", "b" * 200, f'"a\\n\\u001b" was recorded, and "{"b" * 79}… came'),
    ],
)
def test_a_difference_says_what_and_where(recorded: Any, came: Any, words: str) -> None:
    [told] = found({"session": {"instructions": recorded}}, {"session": {"instructions": came}})
    assert told == f"session.instructions: {words}"


def test_numbers_of_one_value_are_equal() -> None:
    assert found({"speed": 1}, {"speed": 1.0}) == []


@pytest.mark.parametrize(
    "ignored", ["session.instructions", "session.*", "*.instructions", "session", "$.session.instructions"]
)
def test_ignored_fields_may_differ_or_be_missing(ignored: str) -> None:
    recorded = {"type": "session.update", "session": {"instructions": "a", "tools": [{"name": "x"}]}}
    came: dict[str, Any] = {"type": "session.update", "session": {"tools": [{"name": "x"}]}}
    assert found(recorded, came, ignored) == []
    assert found(came, recorded, ignored) == []


def test_elements_of_lists_have_numbers() -> None:
    recorded, came = ({"item": {"content": [{"text": text}]}} for text in "ab")
    assert found(recorded, came, "item.content.0.text") == []
    assert found(recorded, came, "item.content.1.text") != []


@pytest.mark.parametrize("path", ["", ".", "  "])
def test_a_path_that_names_no_field_is_an_error(path: str) -> None:
    if path.strip():
        with pytest.raises(ValueError, match="names no field"):
            IgnoredFields([path])
    else:
        with pytest.raises(ValueError, match="write a path from the event"):
            IgnoredFields([path.strip()])


def test_ids_of_the_client_may_be_others() -> None:
    recorded, came = item("item_a", event_id="event_1"), item("item_b", event_id="event_2")
    assert found(recorded, came, made=frozenset({"item_a"})) == []
    [told] = found(recorded, came)
    assert told == 'item.id: "item_a" was recorded, and "item_b" came: it is an id that the server made'


def test_ids_in_settings_are_settings() -> None:
    recorded, came = ({"session": {"prompt": {"id": name}}} for name in ("pmpt_1", "pmpt_2"))
    [told] = found(recorded, came, made=frozenset({"pmpt_1"}))
    assert told.startswith("session.prompt.id: ")


@pytest.mark.parametrize(("n_bytes", "is_equal"), [(48_000, True), (47_000, True), (24_000, False)])
def test_audio_of_an_item_is_compared_by_its_length(n_bytes: int, is_equal: bool) -> None:
    recorded, came = (
        {"item": {"content": [{"type": "input_audio", "audio": encode_audio(bytes([fill]) * n)}]}}
        for fill, n in ((0, 48_000), (1, n_bytes))
    )
    assert (found(recorded, came) == []) is is_equal


@pytest.mark.parametrize("came", ["Bearer sk-1234", "Bearer other", "Bearer "])
def test_any_secret_stands_for_one_that_was_taken_out(came: str) -> None:
    recorded = {"session": {"tools": [{"type": "mcp", "authorization": "Bearer (secret, 20 characters)"}]}}
    assert found(recorded, {"session": {"tools": [{"type": "mcp", "authorization": came}]}}) == []
    assert found(recorded, {"session": {"tools": [{"type": "mcp", "authorization": f"x{came}"}]}}) != []


@pytest.mark.parametrize("tool", [{"authorization": "very secret"}, {"note": "Bearer sk-abcdef123456"}])
def test_a_difference_shows_no_keys(tool: dict[str, Any]) -> None:
    [told] = found({"tools": [{"type": "mcp"}]}, {"tools": [{"type": "mcp", **tool}]})
    assert "(secret, " in told
    assert not any(key in told for key in ("very secret", "sk-abcdef"))


def test_the_address_of_a_tool_server_is_compared_without_its_keys() -> None:
    recorded, came = (
        {"tools": [{"server_url": url}]} for url in ("https://a.example/mcp", "https://a.example/mcp?k=1")
    )
    assert found(recorded, came) == []


def test_what_nests_too_deeply_is_compared_all_the_same() -> None:
    recorded: Any = "a"
    came: Any = "b"
    for _ in range(400):
        recorded, came = [recorded], [came]
    assert found({"x": recorded}, {"x": recorded}) == []
    assert len(found({"x": recorded}, {"x": came})) == 1
