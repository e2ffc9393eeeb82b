"""Ids that clients make."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.testing.cassettes.client_ids import ClientIds, ids_in, is_id

MADE = frozenset({"item_recorded_1", "item_recorded_2", "call_recorded_1", "key-20260301"})


def paired(**now: str) -> ClientIds:
    ids = ClientIds(MADE)
    for recorded, came in now.items():
        assert ids.pair(recorded, came) is None
    return ids


@pytest.mark.parametrize(
    ("field", "value", "in_metadata", "expected"),
    [
        ("id", "a", False, True),
        ("previous_item_id", "root", False, True),
        ("name", "item_1", False, False),
        ("id", 7, False, False),
        ("topic", "request_4f2a91", True, True),
        ("topic", "arithmetic", True, False),
        ("topic", "two words 12", True, False),
        ("topic", "a1", True, False),
    ],
)
def test_ids_are_known_by_their_place(field: str, value: object, in_metadata: bool, expected: bool) -> None:
    assert is_id(field, value, in_metadata=in_metadata) is expected


def test_ids_of_an_event_without_its_own_and_those_in_settings() -> None:
    event = {
        "event_id": "event_1",
        "item": {"id": "item_1", "content": [{"item_id": "item_2"}]},
        "response": {"metadata": {"tag": "request_12"}, "prompt": {"id": "pmpt_1"}},
        "session": {"id": "sess_1"},
    }
    assert sorted(ids_in(event)) == ["item_1", "item_2", "request_12"]


def test_an_id_of_the_recording_is_always_the_same_one_now() -> None:
    ids = paired(item_recorded_1="a")
    assert ids.pair("item_recorded_1", "a") is None
    assert ids.pair("item_recorded_1", "b") == "it stands for 'a' since an earlier event"
    assert ids.pair("item_recorded_2", "a") == "'a' stands for 'item_recorded_1' already"


def test_an_id_of_the_server_is_that_of_the_recording() -> None:
    ids = ClientIds(MADE)
    assert ids.pair("item_of_server", "item_of_server") is None
    assert ids.pair("item_of_server", "a") == "it is an id that the server made"


def test_what_is_tried_with_a_copy_changes_nothing() -> None:
    ids = ClientIds(MADE)
    ids.copy().pair("item_recorded_1", "a")
    assert ids.pair("item_recorded_1", "b") is None


def test_the_server_speaks_of_the_ids_of_now() -> None:
    ids = paired(item_recorded_1="mine", **{"key-20260301": "key-20270301"})
    ids.event("event_recorded", "event_mine")
    recorded = {
        "type": "error",
        "event_id": "event_recorded",
        "item": {"id": "item_recorded_1", "previous_item_id": "item_of_server"},
        "items": [{"item_id": "item_recorded_1"}, "item_recorded_1"],
        "response": {"metadata": {"request": "key-20260301"}, "output": []},
        "error": {"event_id": "event_recorded", "message": "no item item_recorded_1, nor xitem_recorded_1"},
        "session": {"id": "item_recorded_1"},
    }
    assert ids.renamed(recorded) == {
        **recorded,
        "item": {"id": "mine", "previous_item_id": "item_of_server"},
        "items": [{"item_id": "mine"}, "item_recorded_1"],
        "response": {"metadata": {"request": "key-20270301"}, "output": []},
        "error": {"event_id": "event_mine", "message": "no item mine, nor xitem_recorded_1"},
    }


def test_an_answer_to_an_event_without_an_id_names_none() -> None:
    ids = ClientIds(MADE)
    ids.event("event_recorded", None)
    assert ids.renamed({"error": {"event_id": "event_recorded"}}) == {"error": {"event_id": None}}


def test_an_event_without_such_ids_is_the_same_object() -> None:
    event: dict[str, Any] = {"item": {"id": "item_of_server"}, "delta": "item_recorded_1"}
    assert ClientIds(MADE).renamed(event) is event
    assert paired(item_recorded_1="mine").renamed(event) is event


def test_what_nests_too_deeply_is_left_alone() -> None:
    event: Any = {"id": "item_recorded_1"}
    for _ in range(300):
        event = {"inner": [event]}
    assert paired(item_recorded_1="mine").renamed(event) is event
    assert list(ids_in(event)) == []
