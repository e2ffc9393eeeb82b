"""What a sequencer waits for, and for how long; it keeps nothing that is over."""

from __future__ import annotations

import math

import pytest

from duologue.events import ResponseCreateEvent
from duologue.protocol.states import SequenceState
from tests.protocol._sequencer_driver import SequencerDriver, wire_create
from tests.protocol._wire import server_event


@pytest.fixture
def driver() -> SequencerDriver:
    return SequencerDriver()


def test_the_late_end_of_a_response_that_was_given_up_is_no_answer_to_the_next_request() -> None:
    driver = SequencerDriver(tag_requests=False)
    driver.created("vad")
    driver.cancel()
    request = driver.ask()
    driver.tick(30.0)
    assert isinstance(driver.sent[-1], ResponseCreateEvent)
    driver.done("vad")
    assert driver.ended == []
    assert driver.sequencer.pending == (request,)


def test_a_request_out_of_band_ends_once_even_if_its_beginning_was_lost(driver: SequencerDriver) -> None:
    request = driver.ask_out_of_band()
    driver.done("r1", request, conversation_id=None)
    driver.tick(100.0)
    assert [end.request for end in driver.ended] == [request]
    assert driver.sequencer.pending == ()


def test_a_create_will_be_sent_until_it_is_taken(driver: SequencerDriver) -> None:
    sequencer = driver.sequencer
    first = sequencer.request(now=0.0)
    before = sequencer.unsent
    sequencer.take_events()
    sequencer.request(wire_create(conversation="none"), now=0.0)
    assert (before, sequencer.unsent) == (first, None)
    second = sequencer.request(now=0.0)
    assert sequencer.unsent is second


def test_null_as_a_conversation_means_none_where_others_are_named(driver: SequencerDriver) -> None:
    def out_of_band(response_id: str, conversation_id: str | None) -> bool:
        response = {"id": response_id, "conversation_id": conversation_id}
        return driver.sequencer.receive(server_event("response.created", response=response)).out_of_band

    responses = [("r1", None), ("r2", "c"), ("r3", None), ("r2", None)]
    assert [out_of_band(*response) for response in responses] == [False, False, True, False]


def test_a_response_whose_cancel_is_rejected_may_take_as_long_as_it_likes(driver: SequencerDriver) -> None:
    driver.created("r1", driver.ask())
    driver.cancel()
    assert driver.sequencer.next_tick_at == 30.0
    driver.error("something_else", driver.last_id)
    assert (driver.at(SequenceState.ACTIVE), driver.sequencer.next_tick_at) == (True, math.inf)


def test_nothing_is_waited_for_after_a_lost_connection(driver: SequencerDriver) -> None:
    driver.created("r1", driver.ask())
    driver.cancel()
    driver.sequencer.lost()
    assert driver.sequencer.next_tick_at == math.inf


def test_a_create_that_is_rejected_for_an_unannounced_response_is_sent_again_after_two_seconds(
    driver: SequencerDriver,
) -> None:
    driver.ask(now=1.0)
    driver.error("conversation_already_has_active_response", driver.last_id)
    assert driver.sequencer.next_tick_at == 2.0
    driver.tick(2.0)
    assert len(driver.sent) == 2
