"""One response at a time in the conversation, and an end for every request."""

from __future__ import annotations

import pytest

from duologue.errors import LocalProtocolError
from duologue.events import ErrorEvent, RealtimeEvent, ResponseCancelEvent, ResponseCreateEvent, is_set
from duologue.protocol.client.responses.requests import REQUEST_TAG, ResponseRequest
from duologue.protocol.states import SequenceState
from tests.protocol._desk import Desk, wire_create

BUSY = "conversation_already_has_active_response"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_request_goes_out_at_once_when_nothing_runs_and_ends_with_its_response(desk: Desk) -> None:
    request = desk.ask()
    assert [event.type for event in desk.sent] == ["response.create"]
    assert desk.at(SequenceState.REQUESTED)
    desk.created("r1", request)
    assert desk.at(SequenceState.ACTIVE)
    desk.done("r1", request)
    assert desk.at(SequenceState.IDLE)
    assert [(end.request, end.reason, end.error) for end in desk.ended] == [(request, "", None)]
    assert desk.ended[0].done is not None
    assert desk.ended[0].done.response.metadata is None


def test_pain_01_a_request_waits_while_a_response_of_the_server_runs(desk: Desk) -> None:
    desk.created("vad")
    request = desk.ask()
    assert desk.sent == []
    assert desk.sequencer.is_waiting(request.request_id)
    desk.done("vad")
    assert len(desk.sent) == 1
    assert not desk.sequencer.is_waiting(request.request_id)


def test_pain_01_a_request_that_would_rather_not_wait_is_refused_with_what_runs(desk: Desk) -> None:
    desk.created("vad")
    with pytest.raises(LocalProtocolError, match=r"response\.create.*\(vad\).*policy 'wait'"):
        desk.sequencer.request(policy="refuse", now=0.0)
    assert desk.sequencer.pending == ()


def test_pain_01_a_create_that_lost_the_race_is_sent_again_when_the_other_is_done(desk: Desk) -> None:
    warm = desk.ask()
    desk.created("r0", warm)
    desk.done("r0", warm)
    request = desk.ask()
    first_id = desk.last_id
    desk.created("vad")
    desk.refused(BUSY, first_id)
    assert len(desk.sent) == 2
    assert desk.sequencer.is_pending(request.request_id)
    desk.done("vad")
    assert len(desk.sent) == 3
    assert desk.last_id != first_id
    desk.created("r1", request)
    desk.done("r1", request)
    assert [end.request for end in desk.ended] == [warm, request]


def test_pain_01_the_race_is_seen_through_even_before_the_server_has_echoed_anything(desk: Desk) -> None:
    request = desk.ask()
    desk.created("vad")  # taken for the answer, by its place in the order
    desk.refused(BUSY, desk.last_id)
    desk.done("vad")
    assert desk.ended == []
    desk.created("r1", request)
    desk.done("r1", request)
    assert [end.request for end in desk.ended] == [request]


def test_pain_01_a_refusal_for_a_response_nobody_announced_is_tried_again_after_its_end(desk: Desk) -> None:
    desk.ask()
    desk.refused(BUSY, desk.last_id)
    assert desk.at(SequenceState.ACTIVE)
    desk.done("unannounced")
    assert len(desk.sent) == 2
    desk.refused(BUSY, desk.last_id)
    desk.tick(desk.sequencer.next_tick_at)
    assert len(desk.sent) == 3


def test_pain_01_a_create_is_not_tried_for_ever(desk: Desk) -> None:
    request = desk.ask()
    while not desk.ended:
        desk.refused(BUSY, desk.last_id)
        if not desk.ended:
            desk.done(f"other_{len(desk.sent)}")
    assert len(desk.sent) == 10
    assert desk.ended[0].request == request
    assert desk.ended[0].error is not None


def test_pain_01_nothing_is_created_between_a_cancel_and_the_end_of_what_it_stops(desk: Desk) -> None:
    first = desk.ask()
    desk.created("r1", first)
    assert desk.cancel()
    assert desk.at(SequenceState.CANCELLING)
    second = desk.ask()
    assert [event.type for event in desk.sent] == ["response.create", "response.cancel"]
    desk.done("r1", first)
    assert [event.type for event in desk.sent] == ["response.create", "response.cancel", "response.create"]
    assert [end.request for end in desk.ended] == [first]
    assert desk.sequencer.is_pending(second.request_id)


def test_a_cancel_names_the_response_so_that_it_cannot_hit_the_next_one(desk: Desk) -> None:
    desk.created("vad")
    desk.cancel()
    (cancel,) = desk.sent
    assert isinstance(cancel, ResponseCancelEvent)
    assert cancel.response_id == "vad"
    assert not desk.cancel()
    assert len(desk.sent) == 1


def test_a_cancel_before_the_response_is_there_goes_out_when_it_comes(desk: Desk) -> None:
    request = desk.ask()
    assert desk.cancel()
    assert len(desk.sent) == 1
    desk.created("r1", request)
    assert isinstance(desk.sent[-1], ResponseCancelEvent)
    assert desk.at(SequenceState.CANCELLING)


def test_a_request_that_was_cancelled_and_then_refused_is_over(desk: Desk) -> None:
    request = desk.ask()
    desk.cancel()
    desk.refused(BUSY, desk.last_id)
    assert desk.at(SequenceState.IDLE)
    assert [end.request for end in desk.ended] == [request]


def test_a_waiting_request_can_be_withdrawn(desk: Desk) -> None:
    desk.created("vad")
    request = desk.ask()
    assert desk.cancel(request)
    assert desk.ended[0].reason == "withdrawn before it was sent"
    desk.done("vad")
    assert desk.sent == []
    assert not desk.cancel(request)


def test_cancelling_nothing_sends_nothing(desk: Desk) -> None:
    assert not desk.cancel()
    assert desk.sent == []


def test_pain_09_a_cancel_that_comes_too_late_is_benign(desk: Desk) -> None:
    request = desk.ask()
    desk.created("r1", request)
    desk.cancel()
    cancel_id = desk.last_id
    desk.done("r1", request)
    next_one = desk.ask()
    desk.refused("response_cancel_not_active", cancel_id)
    assert desk.at(SequenceState.REQUESTED)
    assert desk.sequencer.is_pending(next_one.request_id)
    assert [end.request for end in desk.ended] == [request]


def test_a_cancel_answered_by_nothing_active_ends_a_response_whose_end_was_not_seen(desk: Desk) -> None:
    request = desk.ask()
    desk.created("r1", request)
    desk.cancel()
    desk.refused("response_cancel_not_active", desk.last_id)
    assert desk.at(SequenceState.IDLE)
    assert [end.request for end in desk.ended] == [request]
    assert desk.ended[0].error is not None


def test_a_cancel_that_is_refused_for_another_reason_leaves_the_response_running(desk: Desk) -> None:
    desk.created("vad")
    desk.cancel()
    desk.refused("unknown_parameter", desk.last_id)
    assert desk.at(SequenceState.ACTIVE)
    desk.done("vad")
    assert desk.at(SequenceState.IDLE)


def test_pain_09_an_error_that_names_a_request_fails_it_at_once(desk: Desk) -> None:
    request = desk.ask()
    desk.refused("invalid_value", desk.last_id)
    assert desk.at(SequenceState.IDLE)
    (end,) = desk.ended
    assert (end.request, end.done, end.reason) == (request, None, "invalid_value")
    assert isinstance(end.error, ErrorEvent)


def test_pain_09_errors_that_name_nobody_find_their_request_by_the_code(desk: Desk) -> None:
    request = desk.ask()
    desk.refused(BUSY, None)
    assert desk.sequencer.is_waiting(request.request_id)
    desk.done("unannounced")
    desk.created("r1", request)
    desk.cancel()
    desk.refused("response_cancel_not_active", None)
    assert desk.at(SequenceState.IDLE)
    desk.refused("invalid_value", None)
    assert len(desk.ended) == 1


def test_responses_out_of_band_run_beside_the_one_in_the_conversation(desk: Desk) -> None:
    inside = desk.ask()
    one, two = desk.beside(), desk.beside()
    assert len(desk.sent) == 3
    desk.created("b2", two, conversation_id=None)
    desk.created("r1", inside)
    desk.created("b1", one, conversation_id=None)
    assert desk.sequencer.active_id == "r1"
    desk.done("b1", one, conversation_id=None)
    desk.done("r1", inside)
    desk.done("b2", two, conversation_id=None)
    assert [end.request for end in desk.ended] == [one, inside, two]


def test_a_response_out_of_band_is_cancelled_by_its_request_once(desk: Desk) -> None:
    early, late = desk.beside(), desk.beside()
    assert desk.cancel(early)
    desk.created("b1", early, conversation_id=None)
    desk.created("b2", late, conversation_id=None)
    assert desk.cancel(late)
    assert desk.cancel(late)
    cancels = [event.response_id for event in desk.sent if isinstance(event, ResponseCancelEvent)]
    assert cancels == ["b1", "b2"]
    desk.refused("response_cancel_not_active", desk.last_id)
    assert [end.request for end in desk.ended] == [late]


def test_a_response_out_of_band_that_is_cancelled_and_never_done_ends_by_the_clock(desk: Desk) -> None:
    early, late, running = desk.beside(), desk.beside(), desk.beside()
    desk.cancel(early)
    for response_id, request in (("b1", early), ("b2", late), ("b3", running)):
        desk.created(response_id, request, conversation_id=None, now=10.0)
    desk.tick(1000.0)  # a response may take its time
    assert [end.request for end in desk.ended] == [early]
    desk.sequencer.cancel(late.request_id, now=1000.0)
    desk.cancel(running)
    desk.refused("invalid_value", desk.last_id)  # it goes on
    desk.tick(1030.0)
    assert [end.request for end in desk.ended] == [early, late]
    desk.done("b3", running, conversation_id=None)
    assert [end.request for end in desk.ended] == [early, late, running]


def test_a_refused_request_out_of_band_fails_alone(desk: Desk) -> None:
    inside, beside = desk.ask(), desk.beside()
    desk.refused("invalid_value", desk.last_id)
    assert [end.request for end in desk.ended] == [beside]
    assert desk.sequencer.pending == (inside,)


def test_responses_of_somebody_else_on_the_same_call_do_not_take_the_floor(desk: Desk) -> None:
    first = desk.ask()
    desk.created("r1", first)
    desk.done("r1", first)
    desk.created("theirs", conversation_id=None)
    assert desk.at(SequenceState.IDLE)


def test_a_request_brings_its_own_metadata_and_event_id_along(desk: Desk) -> None:
    event = wire_create(metadata={"mine": "1"})
    desk.ask(RealtimeEvent.from_json({**event.to_json(), "event_id": "me"}))  # type: ignore[arg-type]  # it is one
    (sent,) = desk.sent
    assert isinstance(sent, ResponseCreateEvent)
    assert sent.event_id == "me"
    assert is_set(sent.response)
    assert sent.response.metadata == {"mine": "1", REQUEST_TAG: "request_1"}


def test_metadata_that_is_full_goes_without_a_tag_and_is_matched_as_it_is(desk: Desk) -> None:
    full = {str(number): "x" for number in range(16)}
    request = desk.ask(wire_create(metadata=full))
    desk.created("other", metadata={"somebody": "else"})
    desk.done("other", metadata={"somebody": "else"})
    desk.created("r1", metadata=full)
    desk.done("r1", metadata=full)
    assert [(end.request, end.done.response.id) for end in desk.ended if end.done] == [(request, "r1")]
    assert desk.ended[0].done is not None
    assert desk.ended[0].done.response.metadata == full


def test_without_tags_nothing_is_added_and_answers_are_matched_by_order() -> None:
    desk = Desk(tag_requests=False)
    request, beside = desk.ask(), desk.beside()
    assert all(event.to_json().get("response", {}).get("metadata") is None for event in desk.sent)
    desk.created("b1", conversation_id=None)
    desk.created("r1")
    desk.done("r1")
    desk.done("b1", conversation_id=None)
    assert [end.request for end in desk.ended] == [request, beside]


def test_an_end_without_a_beginning_is_an_end(desk: Desk) -> None:
    request, beside = desk.ask(), desk.beside()
    desk.done("r1", request)
    desk.done("b1", beside, conversation_id=None)
    assert [end.request for end in desk.ended] == [request, beside]
    assert desk.at(SequenceState.IDLE)


def test_events_that_come_twice_count_once(desk: Desk) -> None:
    request = desk.ask()
    for _ in range(2):
        desk.created("r1", request)
    for _ in range(2):
        desk.done("r1", request)
    desk.created("r1", request)
    assert desk.at(SequenceState.IDLE)
    assert len(desk.ended) == 1


def test_a_server_that_gives_responses_no_ids_is_understood_by_order(desk: Desk) -> None:
    for _ in range(2):
        request = desk.ask()
        desk.told("response.created", response={"status": "in_progress", "conversation_id": "conv"})
        assert desk.cancel()
        desk.told("response.done", response={"status": "cancelled", "conversation_id": "conv"})
        assert desk.ended[-1].request == request
        assert desk.at(SequenceState.IDLE)
    cancels = [event for event in desk.sent if isinstance(event, ResponseCancelEvent)]
    assert [is_set(event.response_id) for event in cancels] == [False, False]


def test_pain_09_a_late_cancel_is_not_taken_for_one_that_was_answered_long_ago(desk: Desk) -> None:
    first = desk.ask()
    desk.created("r1", first)
    desk.cancel()
    desk.done("r1", first)
    second = desk.ask()
    desk.created("r2", second)
    desk.cancel()
    desk.refused("response_cancel_not_active", None)
    assert [end.request for end in desk.ended] == [first, second]
    assert desk.at(SequenceState.IDLE)


def test_a_response_whose_end_is_overtaken_by_the_next_beginning_still_ends(desk: Desk) -> None:
    request = desk.ask()
    desk.created("r1", request)
    desk.created("vad")
    assert desk.sequencer.active_id == "vad"
    desk.done("r1", request)
    assert [end.request for end in desk.ended] == [request]
    assert desk.at(SequenceState.ACTIVE)


def test_what_is_never_answered_ends_by_the_clock(desk: Desk) -> None:
    inside, beside = desk.ask(), desk.beside()
    assert desk.sequencer.next_tick_at == 30.0
    desk.tick(29.9)
    assert desk.ended == []
    desk.tick(30.0)
    assert [end.request for end in desk.ended] == [inside, beside]
    assert "30 seconds" in desk.ended[0].reason
    assert desk.at(SequenceState.IDLE)


def test_a_cancel_that_is_never_answered_frees_the_conversation(desk: Desk) -> None:
    request = desk.ask()
    desk.created("r1", request)
    desk.cancel()
    waiting = desk.ask()
    desk.tick(30.0)
    assert [end.request for end in desk.ended] == [request]
    assert desk.at(SequenceState.REQUESTED)
    desk.cancel(waiting)
    desk.tick(61.0)
    assert desk.at(SequenceState.IDLE)


def test_pain_06_a_lost_connection_fails_every_request_at_once(desk: Desk) -> None:
    running = desk.ask()
    desk.created("r1", running)
    beside, waiting = desk.beside(), desk.ask()
    desk.sequencer.lost()
    desk.collect()
    assert {end.request.request_id for end in desk.ended} == {
        request.request_id for request in (running, beside, waiting)
    }
    assert {end.reason for end in desk.ended} == {"the connection is lost"}
    assert desk.at(SequenceState.IDLE)
    assert desk.sequencer.take_events() == []
    desk.ask()
    assert desk.at(SequenceState.REQUESTED)


def crossing(desk: Desk) -> ResponseRequest:
    """A request that is on its way while a response of the server's own begins."""
    warm = desk.ask()
    desk.created("r0", warm)
    desk.done("r0", warm)
    request = desk.ask()
    desk.created("vad")
    return request


def test_a_cancel_stops_what_runs_and_what_is_on_its_way(desk: Desk) -> None:
    request = crossing(desk)
    create_id = desk.last_id
    assert desk.cancel()
    assert isinstance(desk.sent[-1], ResponseCancelEvent)
    desk.refused(BUSY, create_id)
    desk.done("vad")
    assert desk.at(SequenceState.IDLE)
    assert desk.ended[-1].request == request
    assert desk.ended[-1].error is not None


def test_a_request_on_its_way_is_cancelled_alone_and_stopped_when_it_begins(desk: Desk) -> None:
    request = crossing(desk)
    assert desk.cancel(request)
    assert desk.at(SequenceState.ACTIVE)
    desk.done("vad")
    assert desk.at(SequenceState.CANCELLING)
    desk.created("r1", request)
    assert [event.response_id for event in desk.sent if isinstance(event, ResponseCancelEvent)] == ["r1"]
    desk.done("r1", request)
    assert desk.at(SequenceState.IDLE)


def test_a_cancelled_request_that_nobody_answers_frees_the_conversation(desk: Desk) -> None:
    desk.ask()
    desk.cancel()
    desk.tick(30.0)
    assert desk.at(SequenceState.IDLE)


def test_a_response_of_the_servers_own_is_stopped_too_while_a_request_is_being_cancelled(desk: Desk) -> None:
    warm = desk.ask()
    desk.created("r0", warm)
    desk.done("r0", warm)
    request = desk.ask()
    create_id = desk.last_id
    desk.cancel()
    desk.created("vad")
    assert [event.response_id for event in desk.sent if isinstance(event, ResponseCancelEvent)] == ["vad"]
    desk.refused(BUSY, create_id)
    assert desk.at(SequenceState.CANCELLING)
    desk.done("vad")
    assert desk.at(SequenceState.IDLE)
    assert desk.ended[-1].request == request


def test_the_end_of_a_response_takes_its_place_even_if_another_was_running_unfinished(desk: Desk) -> None:
    request = crossing(desk)
    desk.done("r1", request)
    assert desk.ended[-1].request == request
    assert desk.at(SequenceState.IDLE)
    desk.done("vad")
    assert desk.at(SequenceState.IDLE)
