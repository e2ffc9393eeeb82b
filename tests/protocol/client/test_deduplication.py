"""A repeated event is recognised; two events with one id are not the same."""

from __future__ import annotations

import pytest

from duologue.events import RealtimeEvent
from duologue.protocol.client.deduplication import Deduplicator
from tests.protocol._wire import server_event


def delta(event_id: object, text: str, item_id: str = "a") -> RealtimeEvent:
    place = {"response_id": "r", "item_id": item_id, "output_index": 0, "content_index": 0}
    return server_event("response.output_text.delta", event_id=event_id, delta=text, **place)


def test_an_event_that_comes_again_is_recognised() -> None:
    deduplicator = Deduplicator()
    assert [deduplicator.is_repeated(delta("1", "a")) for _ in range(3)] == [False, True, True]
    deduplicator.clear()
    assert not deduplicator.is_repeated(delta("1", "a"))


def test_no_event_of_a_server_that_gives_them_all_the_same_id_is_dropped() -> None:
    deduplicator = Deduplicator()
    assert [deduplicator.is_repeated(delta("", text)) for text in "aab"] == [False] * 3
    assert [deduplicator.is_repeated(delta("same", text)) for text in "abab"] == [False] * 4
    assert [deduplicator.is_repeated(delta("same", text)) for text in "hhoo"] == [False] * 4
    assert not deduplicator.is_repeated(delta(None, "a"))


def test_events_of_one_id_that_name_different_items_are_two() -> None:
    def done(item_id: str) -> RealtimeEvent:
        wire = {"type": "message", "id": item_id, "role": "user", "status": "completed", "content": []}
        return server_event("conversation.item.done", event_id="same", item=wire)

    deduplicator = Deduplicator()
    assert [deduplicator.is_repeated(done(item_id)) for item_id in "aab"] == [False, True, False]
    assert [deduplicator.is_repeated(delta("other", "x", item_id)) for item_id in "aab"] == [False, True, False]


@pytest.mark.parametrize(
    ("wire", "fields"),
    [
        ("input_audio_buffer.speech_stopped", {"audio_end_ms": 1, "item_id": "a"}),
        (
            "response.content_part.done",
            {
                "response_id": "r",
                "item_id": "a",
                "output_index": 0,
                "content_index": 0,
                "part": {"type": "text", "text": ""},
            },
        ),
    ],
)
def test_events_of_one_id_that_differ_in_a_field_unknown_to_this_version_are_two(wire: str, fields: object) -> None:
    assert isinstance(fields, dict)
    deduplicator = Deduplicator()
    events = [server_event(wire, event_id="same", **fields, new_field=value) for value in (["a"], ["a"], ["b"])]
    assert [deduplicator.is_repeated(event) for event in events] == [False, True, False]


def test_what_is_remembered_is_bounded() -> None:
    deduplicator = Deduplicator()
    for number in range(1000):
        deduplicator.is_repeated(delta(str(number), "x"))
    assert not deduplicator.is_repeated(delta("0", "x"))
    assert len(deduplicator._seen) + len(deduplicator._seen_before) <= 512


def test_a_repetition_among_the_last_events_is_found_and_one_of_long_ago_is_not() -> None:
    deduplicator = Deduplicator()
    for number in range(1000):
        assert not deduplicator.is_repeated(delta(str(number), "x"))
        assert deduplicator.is_repeated(delta(str(max(number - 255, 0)), "x"))
