from __future__ import annotations

import pytest

from duologue.events import ResponseCreateEvent
from duologue.protocol import Close, Respond, Transcribe
from duologue.testing import CountedIds, Pair


def test_ids_are_counted_by_kind() -> None:
    new_id = CountedIds()
    assert [new_id("item"), new_id("resp"), new_id("item")] == ["item_1", "resp_1", "item_2"]


def test_only_advance_moves_the_clock() -> None:
    pair = Pair()
    pair.connect()
    pair.pause(1000)
    assert pair.now == 0
    assert pair.advance(1800) == []
    assert [event.type for event in pair.advance(1800)] == ["error"]
    assert pair.take(Close).code == 1001


def test_a_command_is_taken_once_and_a_missing_one_is_named() -> None:
    pair = Pair()
    pair.connect()
    pair.send(ResponseCreateEvent())
    assert pair.take(Respond).response_id == "resp_1"
    with pytest.raises(AssertionError, match="asked for no Respond, only for nothing"):
        pair.take(Respond)
    pair.send(ResponseCreateEvent(event_id="refused"))
    pair.finishes()
    pair.send(ResponseCreateEvent())
    with pytest.raises(AssertionError, match="asked for no Transcribe, only for Respond"):
        pair.take(Transcribe)


def test_an_engine_that_was_not_asked_has_nothing_to_report() -> None:
    with pytest.raises(AssertionError, match="no response"):
        Pair().responds("hello")


def test_a_whole_turn_needs_no_socket_no_task_and_no_clock() -> None:
    pair = Pair()
    pair.connect()
    pair.pause(500)
    pair.speak(800)
    pair.pause(600)
    pair.transcribes("what time is it")
    pair.responds("Late.")
    pair.synthesizes(bytes(4800))
    assert [event.type for event in pair.finishes()][-1] == "response.done"
    assert pair.client.session is not None
    assert pair.received[0].type == "session.created"
