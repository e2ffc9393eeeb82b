"""An event that comes twice is recognised; two that share an id are not the same."""

from __future__ import annotations

from duologue.events import RealtimeEvent
from duologue.protocol.client.deduplication import Repeats


def delta(event_id: object, text: str, item_id: str = "a") -> RealtimeEvent:
    where = {"response_id": "r", "item_id": item_id, "output_index": 0, "content_index": 0}
    return RealtimeEvent.from_json({"type": "response.output_text.delta", "event_id": event_id, "delta": text, **where})


def test_an_event_that_comes_again_is_recognised() -> None:
    repeats = Repeats()
    assert [repeats.is_repeated(delta("1", "a")) for _ in range(3)] == [False, True, True]
    repeats.clear()
    assert not repeats.is_repeated(delta("1", "a"))


def test_a_server_that_gives_every_event_the_same_id_is_still_heard() -> None:
    repeats = Repeats()
    assert [repeats.is_repeated(delta("", text)) for text in "aab"] == [False] * 3
    assert [repeats.is_repeated(delta("same", text)) for text in "abab"] == [False] * 4
    assert [repeats.is_repeated(delta("same", text)) for text in "hhoo"] == [False] * 4
    assert not repeats.is_repeated(delta(None, "a"))


def test_events_of_one_id_that_speak_of_different_items_are_two() -> None:
    def done(item_id: str) -> RealtimeEvent:
        wire = {"type": "message", "id": item_id, "role": "user", "status": "completed", "content": []}
        return RealtimeEvent.from_json({"type": "conversation.item.done", "event_id": "same", "item": wire})

    repeats = Repeats()
    assert [repeats.is_repeated(done(item_id)) for item_id in "aab"] == [False, True, False]
    assert [repeats.is_repeated(delta("other", "x", item_id)) for item_id in "aab"] == [False, True, False]


def test_what_is_remembered_is_bounded() -> None:
    repeats = Repeats()
    for number in range(1000):
        repeats.is_repeated(delta(str(number), "x"))
    assert not repeats.is_repeated(delta("0", "x"))
    assert len(repeats._seen) == 512
