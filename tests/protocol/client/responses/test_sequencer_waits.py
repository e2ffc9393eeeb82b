"""What a sequencer waits for, and for how long; and that nothing of what is over stays."""

from __future__ import annotations

import math

import pytest

from duologue.events import RealtimeEvent, ResponseCreateEvent
from duologue.protocol.states import SequenceState
from tests.protocol._desk import Desk, wire_create


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_late_end_of_a_response_that_was_given_up_is_no_answer_to_the_next_request() -> None:
    desk = Desk(tag_requests=False)
    desk.created("vad")
    desk.cancel()
    request = desk.ask()
    desk.tick(30.0)
    assert isinstance(desk.sent[-1], ResponseCreateEvent)
    desk.done("vad")
    assert desk.ended == []
    assert desk.sequencer.is_pending(request.request_id)


def test_a_request_beside_the_conversation_ends_once_though_its_beginning_was_lost(desk: Desk) -> None:
    request = desk.beside()
    desk.done("r1", request, conversation_id=None)
    desk.tick(100.0)
    assert [end.request for end in desk.ended] == [request]
    assert desk.sequencer.pending == ()


def test_a_create_is_still_to_go_out_until_it_is_taken(desk: Desk) -> None:
    sequencer = desk.sequencer
    sequencer.request(now=0.0)
    before = sequencer.will_send
    sequencer.take_events()
    sequencer.request(wire_create(conversation="none"), now=0.0)
    assert (before, sequencer.will_send) == (True, False)
    sequencer.request(now=0.0)
    assert sequencer.will_send


def test_null_as_a_conversation_means_none_where_others_are_named(desk: Desk) -> None:
    def beside(response_id: str, conversation_id: str | None) -> bool:
        created = {"id": response_id, "conversation_id": conversation_id}
        event = RealtimeEvent.from_json({"type": "response.created", "event_id": "e", "response": created})
        return desk.sequencer.receive(event).out_of_band

    assert [beside("r1", None), beside("r2", "c"), beside("r3", None), beside("r2", None)] == [
        False,
        False,
        True,
        False,
    ]


def test_a_response_whose_cancel_is_refused_may_take_as_long_as_it_likes(desk: Desk) -> None:
    desk.created("r1", desk.ask())
    desk.cancel()
    assert desk.sequencer.next_tick_at == 30.0
    desk.refused("something_else", desk.last_id)
    assert (desk.at(SequenceState.ACTIVE), desk.sequencer.next_tick_at) == (True, math.inf)


def test_after_a_lost_connection_nothing_is_waited_for(desk: Desk) -> None:
    desk.created("r1", desk.ask())
    desk.cancel()
    desk.sequencer.lost()
    assert desk.sequencer.next_tick_at == math.inf


def test_a_create_that_is_refused_for_a_response_that_nobody_announced_is_sent_again_after_two_seconds(
    desk: Desk,
) -> None:
    desk.ask(now=1.0)
    desk.refused("conversation_already_has_active_response", desk.last_id)
    assert desk.sequencer.next_tick_at == 2.0
    desk.tick(2.0)
    assert len(desk.sent) == 2
