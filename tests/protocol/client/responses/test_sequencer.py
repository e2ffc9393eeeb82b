"""One response at a time in the conversation, and an end for every request."""

from __future__ import annotations

import pytest

from duologue.errors import LocalProtocolError
from duologue.events import ErrorEvent, RealtimeEvent, ResponseCancelEvent, ResponseCreateEvent, is_set
from duologue.protocol.client.responses.requests import REQUEST_TAG, ResponseRequest
from duologue.protocol.states import SequenceState
from tests.protocol._sequencer_driver import SequencerDriver, wire_create

BUSY = "conversation_already_has_active_response"


@pytest.fixture
def driver() -> SequencerDriver:
    return SequencerDriver()


def test_a_request_goes_out_at_once_when_nothing_runs_and_ends_with_its_response(driver: SequencerDriver) -> None:
    request = driver.ask()
    assert [event.type for event in driver.sent] == ["response.create"]
    assert driver.at(SequenceState.REQUESTED)
    driver.created("r1", request)
    assert driver.at(SequenceState.ACTIVE)
    driver.done("r1", request)
    assert driver.at(SequenceState.IDLE)
    assert [(end.request, end.reason, end.error) for end in driver.ended] == [(request, "", None)]
    assert driver.ended[0].done is not None
    assert driver.ended[0].done.response.metadata is None


def test_pain_01_a_request_waits_while_a_response_of_the_server_runs(driver: SequencerDriver) -> None:
    driver.created("vad")
    request = driver.ask()
    assert driver.sent == []
    assert driver.sequencer.pending == (request,)
    driver.done("vad")
    assert len(driver.sent) == 1


def test_pain_01_a_request_that_must_not_wait_raises_and_names_the_active_response(driver: SequencerDriver) -> None:
    driver.created("vad")
    with pytest.raises(LocalProtocolError, match=r"response\.create.*\(vad\).*policy 'wait'"):
        driver.sequencer.request(policy="refuse", now=0.0)
    assert driver.sequencer.pending == ()


def test_pain_01_a_create_that_lost_the_race_is_sent_again_when_the_other_is_done(driver: SequencerDriver) -> None:
    first = driver.ask_and_finish()
    request = driver.ask()
    first_id = driver.last_id
    driver.created("vad")
    driver.error(BUSY, first_id)
    assert len(driver.sent) == 2
    assert request in driver.sequencer.pending
    driver.done("vad")
    assert len(driver.sent) == 3
    assert driver.last_id != first_id
    driver.created("r1", request)
    driver.done("r1", request)
    assert [end.request for end in driver.ended] == [first, request]


def test_pain_01_the_race_is_resolved_even_before_the_server_has_repeated_a_tag(driver: SequencerDriver) -> None:
    request = driver.ask()
    driver.created("vad")  # matched to the request by order
    driver.error(BUSY, driver.last_id)
    driver.done("vad")
    assert driver.ended == []
    driver.created("r1", request)
    driver.done("r1", request)
    assert [end.request for end in driver.ended] == [request]


def test_pain_01_a_create_rejected_for_an_unannounced_response_is_sent_again_after_it(driver: SequencerDriver) -> None:
    driver.ask()
    driver.error(BUSY, driver.last_id)
    assert driver.at(SequenceState.ACTIVE)
    driver.done("unannounced")
    assert len(driver.sent) == 2
    driver.error(BUSY, driver.last_id)
    driver.tick(driver.sequencer.next_tick_at)
    assert len(driver.sent) == 3


def test_pain_01_a_rejection_for_a_running_response_may_lack_the_id_of_the_create(driver: SequencerDriver) -> None:
    request = driver.ask()
    driver.error(BUSY, None)
    assert request in driver.sequencer.pending
    driver.done("unannounced")
    assert len(driver.sent) == 2


def test_pain_01_a_create_is_not_tried_for_ever(driver: SequencerDriver) -> None:
    request = driver.ask()
    while not driver.ended:
        driver.error(BUSY, driver.last_id)
        if not driver.ended:
            driver.done(f"other_{len(driver.sent)}")
    assert len(driver.sent) == 10
    assert driver.ended[0].request == request
    assert driver.ended[0].error is not None


def test_pain_01_nothing_is_created_between_a_cancel_and_the_end_of_what_it_stops(driver: SequencerDriver) -> None:
    first = driver.ask_and_create("r1")
    assert driver.cancel()
    assert driver.at(SequenceState.CANCELLING)
    second = driver.ask()
    assert [event.type for event in driver.sent] == ["response.create", "response.cancel"]
    driver.done("r1", first)
    assert [event.type for event in driver.sent] == ["response.create", "response.cancel", "response.create"]
    assert [end.request for end in driver.ended] == [first]
    assert second in driver.sequencer.pending


def test_a_cancel_names_the_response_so_that_it_cannot_hit_the_next_one(driver: SequencerDriver) -> None:
    driver.created("vad")
    driver.cancel()
    (cancel,) = driver.sent
    assert isinstance(cancel, ResponseCancelEvent)
    assert cancel.response_id == "vad"
    assert not driver.cancel()
    assert len(driver.sent) == 1


def test_a_cancel_before_the_response_is_there_goes_out_when_it_comes(driver: SequencerDriver) -> None:
    request = driver.ask()
    assert driver.cancel()
    assert len(driver.sent) == 1
    driver.created("r1", request)
    assert isinstance(driver.sent[-1], ResponseCancelEvent)
    assert driver.at(SequenceState.CANCELLING)


def test_a_request_that_was_cancelled_and_then_rejected_is_over(driver: SequencerDriver) -> None:
    request = driver.ask()
    driver.cancel()
    driver.error(BUSY, driver.last_id)
    assert driver.at(SequenceState.IDLE)
    assert [end.request for end in driver.ended] == [request]


def test_a_waiting_request_can_be_withdrawn(driver: SequencerDriver) -> None:
    driver.created("vad")
    request = driver.ask()
    assert driver.cancel(request)
    assert driver.ended[0].reason == "withdrawn before it was sent"
    driver.done("vad")
    assert driver.sent == []
    assert not driver.cancel(request)


def test_cancelling_nothing_sends_nothing(driver: SequencerDriver) -> None:
    assert not driver.cancel()
    assert driver.sent == []


def test_pain_09_a_cancel_that_comes_too_late_is_benign(driver: SequencerDriver) -> None:
    request = driver.ask_and_create("r1")
    driver.cancel()
    cancel_id = driver.last_id
    driver.done("r1", request)
    next_one = driver.ask()
    driver.error("response_cancel_not_active", cancel_id)
    assert driver.at(SequenceState.REQUESTED)
    assert next_one in driver.sequencer.pending
    assert [end.request for end in driver.ended] == [request]


def test_a_cancel_answered_by_nothing_active_ends_a_response_whose_end_was_not_seen(driver: SequencerDriver) -> None:
    request = driver.ask_and_create("r1")
    driver.cancel()
    driver.error("response_cancel_not_active", driver.last_id)
    assert driver.at(SequenceState.IDLE)
    assert [end.request for end in driver.ended] == [request]
    assert driver.ended[0].error is not None


def test_a_cancel_that_is_rejected_for_another_reason_leaves_the_response_running(driver: SequencerDriver) -> None:
    driver.created("vad")
    driver.cancel()
    driver.error("unknown_parameter", driver.last_id)
    assert driver.at(SequenceState.ACTIVE)
    driver.done("vad")
    assert driver.at(SequenceState.IDLE)


def test_pain_09_an_error_that_names_a_request_fails_it_at_once(driver: SequencerDriver) -> None:
    request = driver.ask()
    driver.error("invalid_value", driver.last_id)
    assert driver.at(SequenceState.IDLE)
    (end,) = driver.ended
    assert (end.request, end.done, end.reason) == (request, None, "invalid_value")
    assert isinstance(end.error, ErrorEvent)


def test_pain_09_errors_without_an_event_id_find_their_request_by_the_code(driver: SequencerDriver) -> None:
    request = driver.ask()
    driver.error(BUSY, None)
    assert driver.sequencer.pending == (request,)
    driver.done("unannounced")
    driver.created("r1", request)
    driver.cancel()
    driver.error("response_cancel_not_active", None)
    assert driver.at(SequenceState.IDLE)
    driver.error("invalid_value", None)
    assert len(driver.ended) == 1


def test_responses_out_of_band_run_while_one_is_active_in_the_conversation(driver: SequencerDriver) -> None:
    inside = driver.ask()
    one, two = driver.ask_out_of_band(), driver.ask_out_of_band()
    assert len(driver.sent) == 3
    driver.created("b2", two, conversation_id=None)
    driver.created("r1", inside)
    driver.created("b1", one, conversation_id=None)
    assert driver.sequencer.active_id == "r1"
    driver.done("b1", one, conversation_id=None)
    driver.done("r1", inside)
    driver.done("b2", two, conversation_id=None)
    assert [end.request for end in driver.ended] == [one, inside, two]


def test_a_response_out_of_band_is_cancelled_by_its_request_once(driver: SequencerDriver) -> None:
    early, late = driver.ask_out_of_band(), driver.ask_out_of_band()
    assert driver.cancel(early)
    driver.created("b1", early, conversation_id=None)
    driver.created("b2", late, conversation_id=None)
    assert driver.cancel(late)
    assert driver.cancel(late)
    assert driver.cancelled == ["b1", "b2"]
    driver.error("response_cancel_not_active", driver.last_id)
    assert [end.request for end in driver.ended] == [late]


def test_a_response_out_of_band_that_is_cancelled_and_never_done_ends_by_the_clock(driver: SequencerDriver) -> None:
    early, late, running = driver.ask_out_of_band(), driver.ask_out_of_band(), driver.ask_out_of_band()
    driver.cancel(early)
    for response_id, request in (("b1", early), ("b2", late), ("b3", running)):
        driver.created(response_id, request, conversation_id=None, now=10.0)
    driver.tick(1000.0)  # a response may take its time
    assert [end.request for end in driver.ended] == [early]
    driver.sequencer.cancel(late.request_id, now=1000.0)
    driver.cancel(running)
    driver.error("invalid_value", driver.last_id)  # it goes on
    driver.tick(1030.0)
    assert [end.request for end in driver.ended] == [early, late]
    driver.done("b3", running, conversation_id=None)
    assert [end.request for end in driver.ended] == [early, late, running]


def test_a_rejected_request_out_of_band_fails_alone(driver: SequencerDriver) -> None:
    inside, outside = driver.ask(), driver.ask_out_of_band()
    driver.error("invalid_value", driver.last_id)
    assert [end.request for end in driver.ended] == [outside]
    assert driver.sequencer.pending == (inside,)


def test_responses_of_another_client_on_the_same_call_are_not_the_active_one(driver: SequencerDriver) -> None:
    driver.ask_and_finish()
    driver.created("theirs", conversation_id=None)
    assert driver.at(SequenceState.IDLE)


def test_a_request_brings_its_own_metadata_and_event_id_along(driver: SequencerDriver) -> None:
    event = wire_create(metadata={"mine": "1"})
    driver.ask(RealtimeEvent.from_json({**event.to_json(), "event_id": "me"}))  # type: ignore[arg-type]  # it is one
    (sent,) = driver.sent
    assert isinstance(sent, ResponseCreateEvent)
    assert sent.event_id == "me"
    assert is_set(sent.response)
    assert sent.response.metadata == {"mine": "1", REQUEST_TAG: "request_1"}


def test_metadata_that_is_full_goes_without_a_tag_and_is_matched_as_it_is(driver: SequencerDriver) -> None:
    full = {str(number): "x" for number in range(16)}
    request = driver.ask(wire_create(metadata=full))
    driver.created("other", metadata={"of": "another client"})
    driver.done("other", metadata={"of": "another client"})
    driver.created("r1", metadata=full)
    driver.done("r1", metadata=full)
    assert [(end.request, end.done.response.id) for end in driver.ended if end.done] == [(request, "r1")]
    assert driver.ended[0].done is not None
    assert driver.ended[0].done.response.metadata == full


def test_without_tags_nothing_is_added_and_answers_are_matched_by_order() -> None:
    driver = SequencerDriver(tag_requests=False)
    request, outside = driver.ask(), driver.ask_out_of_band()
    assert all(event.to_json().get("response", {}).get("metadata") is None for event in driver.sent)
    driver.created("b1", conversation_id=None)
    driver.created("r1")
    driver.done("r1")
    driver.done("b1", conversation_id=None)
    assert [end.request for end in driver.ended] == [request, outside]


def test_an_end_without_a_beginning_is_an_end(driver: SequencerDriver) -> None:
    request, outside = driver.ask(), driver.ask_out_of_band()
    driver.done("r1", request)
    driver.done("b1", outside, conversation_id=None)
    assert [end.request for end in driver.ended] == [request, outside]
    assert driver.at(SequenceState.IDLE)


def test_events_that_come_twice_count_once(driver: SequencerDriver) -> None:
    request = driver.ask()
    for _ in range(2):
        driver.created("r1", request)
    for _ in range(2):
        driver.done("r1", request)
    driver.created("r1", request)
    assert driver.at(SequenceState.IDLE)
    assert len(driver.ended) == 1


def test_a_server_that_gives_responses_no_ids_is_understood_by_order(driver: SequencerDriver) -> None:
    for _ in range(2):
        request = driver.ask()
        driver.receive("response.created", response={"status": "in_progress", "conversation_id": "conv"})
        assert driver.cancel()
        driver.receive("response.done", response={"status": "cancelled", "conversation_id": "conv"})
        assert driver.ended[-1].request == request
        assert driver.at(SequenceState.IDLE)
    cancels = [event for event in driver.sent if isinstance(event, ResponseCancelEvent)]
    assert [is_set(event.response_id) for event in cancels] == [False, False]


def test_pain_09_a_late_cancel_is_not_taken_for_one_that_was_answered_long_ago(driver: SequencerDriver) -> None:
    first = driver.ask_and_create("r1")
    driver.cancel()
    driver.done("r1", first)
    second = driver.ask_and_create("r2")
    driver.cancel()
    driver.error("response_cancel_not_active", None)
    assert [end.request for end in driver.ended] == [first, second]
    assert driver.at(SequenceState.IDLE)


def test_a_response_whose_end_is_overtaken_by_the_next_beginning_still_ends(driver: SequencerDriver) -> None:
    request = driver.ask_and_create("r1")
    driver.created("vad")
    assert driver.sequencer.active_id == "vad"
    driver.done("r1", request)
    assert [end.request for end in driver.ended] == [request]
    assert driver.at(SequenceState.ACTIVE)


def test_what_is_never_answered_ends_by_the_clock(driver: SequencerDriver) -> None:
    inside, outside = driver.ask(), driver.ask_out_of_band()
    assert driver.sequencer.next_tick_at == 30.0
    driver.tick(29.9)
    assert driver.ended == []
    driver.tick(30.0)
    assert [end.request for end in driver.ended] == [inside, outside]
    assert "30 seconds" in driver.ended[0].reason
    assert driver.at(SequenceState.IDLE)


def test_a_cancel_that_is_never_answered_frees_the_conversation(driver: SequencerDriver) -> None:
    request = driver.ask_and_create("r1")
    driver.cancel()
    waiting = driver.ask()
    driver.tick(30.0)
    assert [end.request for end in driver.ended] == [request]
    assert driver.at(SequenceState.REQUESTED)
    driver.cancel(waiting)
    driver.tick(61.0)
    assert driver.at(SequenceState.IDLE)


def test_pain_06_a_lost_connection_fails_every_request_at_once(driver: SequencerDriver) -> None:
    running = driver.ask_and_create("r1")
    outside, waiting = driver.ask_out_of_band(), driver.ask()
    driver.sequencer.lost()
    driver.collect()
    assert {end.request.request_id for end in driver.ended} == {
        request.request_id for request in (running, outside, waiting)
    }
    assert {end.reason for end in driver.ended} == {"the connection is lost"}
    assert driver.at(SequenceState.IDLE)
    assert driver.sequencer.take_events() == []
    driver.ask()
    assert driver.at(SequenceState.REQUESTED)


def crossing(driver: SequencerDriver) -> ResponseRequest:
    """A request that is sent before the client knows that the server has started a response of its own."""
    driver.ask_and_finish()
    request = driver.ask()
    driver.created("vad")
    return request


def test_a_cancel_stops_what_runs_and_what_is_on_its_way(driver: SequencerDriver) -> None:
    request = crossing(driver)
    create_id = driver.last_id
    assert driver.cancel()
    assert isinstance(driver.sent[-1], ResponseCancelEvent)
    driver.error(BUSY, create_id)
    driver.done("vad")
    assert driver.at(SequenceState.IDLE)
    assert driver.ended[-1].request == request
    assert driver.ended[-1].error is not None


def test_a_request_on_its_way_is_cancelled_alone_and_stopped_when_it_begins(driver: SequencerDriver) -> None:
    request = crossing(driver)
    assert driver.cancel(request)
    assert driver.at(SequenceState.ACTIVE)
    driver.done("vad")
    assert driver.at(SequenceState.CANCELLING)
    driver.created("r1", request)
    assert driver.cancelled == ["r1"]
    driver.done("r1", request)
    assert driver.at(SequenceState.IDLE)


def test_a_cancelled_request_that_is_never_answered_frees_the_conversation(driver: SequencerDriver) -> None:
    driver.ask()
    driver.cancel()
    driver.tick(30.0)
    assert driver.at(SequenceState.IDLE)


def test_a_response_of_the_server_is_stopped_too_while_a_request_is_being_cancelled(driver: SequencerDriver) -> None:
    driver.ask_and_finish()
    request = driver.ask()
    create_id = driver.last_id
    driver.cancel()
    driver.created("vad")
    assert driver.cancelled == ["vad"]
    driver.error(BUSY, create_id)
    assert driver.at(SequenceState.CANCELLING)
    driver.done("vad")
    assert driver.at(SequenceState.IDLE)
    assert driver.ended[-1].request == request


def test_the_end_of_a_response_takes_its_place_even_if_another_was_running_unfinished(driver: SequencerDriver) -> None:
    request = crossing(driver)
    driver.done("r1", request)
    assert driver.ended[-1].request == request
    assert driver.at(SequenceState.IDLE)
    driver.done("vad")
    assert driver.at(SequenceState.IDLE)
