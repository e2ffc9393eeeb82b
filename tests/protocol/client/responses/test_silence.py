"""Every request ends, although the server does not say so; an error that names no command answers it or does not."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from duologue.protocol.client.notices import ResponseFinished, Unreadable
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.responses.silence import SilenceLimits
from duologue.protocol.states import SequenceState
from tests.protocol._telling import (
    ARGUMENTS,
    WORDS,
    Frame,
    Telling,
    arguments,
    call_block,
    created,
    done,
    message,
    output_item,
    part,
    text_block,
)
from tests.protocol._wire import client_event


def anonymous(**error: Any) -> Frame:
    return {"type": "error", "error": {"type": "server_error", "message": "Something.", **error}}


# --- the end is lost


def test_a_response_whose_end_is_lost_is_what_was_told_and_its_status_is_unknown() -> None:
    told = Telling()
    request = told.ask()
    behind = told.ask()
    told.tell(created(request), *text_block())
    told.wait(9)
    assert told.ends == []
    told.wait(2)
    (end,) = told.ends
    assert end.done is not None
    assert (end.request, end.done.response.status, told.words()) == (request, "unknown", WORDS)
    assert "told nothing more of response 'r' for 10 seconds" in end.reason
    assert [notice.event.response.status for notice in told.all(ResponseFinished)] == ["unknown"]
    assert told.sent == ["response.create", "response.create"]
    told.tell(created(behind, "r2"), done(behind, "r2"))
    assert [end.request for end in told.ends] == [request, behind]


def test_a_response_that_stops_in_the_middle_is_rejected_with_the_reason_and_its_words_stay() -> None:
    told = Telling()
    told.tell(created(told.ask()), *text_block()[:5])
    told.wait(59)
    assert told.ends == []
    told.wait(2)
    (end,) = told.ends
    assert end.done is None
    assert "for 60 seconds" in end.reason
    assert told.core.sequencer.state is SequenceState.IDLE
    assert told.history
    assert WORDS.startswith(told.history)


def test_the_limits_are_the_application_s() -> None:
    told = Telling(CoreOptions(silence=SilenceLimits(open_s=5.0, told_s=1.0)))
    told.tell(created(told.ask()))
    told.wait(6)
    assert "for 5 seconds" in told.ends[0].reason


def test_every_event_of_the_response_begins_the_silence_anew() -> None:
    told = Telling()
    request = told.ask()
    told.tell(created(request))
    for frame in (*text_block(), *call_block()):
        told.wait(9)
        told.tell(frame)
    told.tell(done(request))
    assert [end.done is not None for end in told.ends] == [True]


def test_speech_that_still_plays_is_no_silence() -> None:
    told = Telling()
    request = told.ask()
    delta = base64.b64encode(bytes(48_000 * 100)).decode()  # 100 seconds
    told.tell(created(request), output_item("added", message("")), part("output_audio.delta", delta=delta))
    told.wait(150)
    assert told.ends == []
    told.wait(11)
    assert len(told.ends) == 1


def test_a_function_that_runs_is_no_silence() -> None:
    told = Telling()
    told.tell(created(told.ask()))
    told.core.silence._call_runs = lambda response_id: response_id == "r"
    told.tell(*text_block())
    told.wait(500)
    assert told.ends == []
    told.core.silence._call_runs = lambda response_id: False
    told.wait(11)
    assert len(told.ends) == 1


def test_the_calls_of_a_response_whose_end_is_lost_are_answered_and_the_model_goes_on() -> None:
    told = Telling()
    told.tell(created(told.ask()), *call_block())
    assert len(told.runs) == 1
    told.wait(11)
    assert told.sent == ["response.create", "conversation.item.create", "response.create"]


def test_a_call_that_only_its_arguments_told_runs_when_the_end_is_lost() -> None:
    told = Telling()
    told.tell(created(told.ask()), arguments("done", name="clock", arguments=ARGUMENTS))
    told.wait_for_all()
    assert len(told.runs) == 1


def test_the_next_response_ends_the_one_before_with_what_was_told() -> None:
    told = Telling()
    first = told.ask()
    told.tell(created(first), *text_block()[:-2], created(None, "vad"))
    told.wait(11)
    assert [end.request for end in told.ends] == [first]
    told.tell(done(None, "vad"))
    assert told.core.sequencer.state is SequenceState.IDLE


def test_an_end_that_comes_late_is_told_and_ends_nothing_twice() -> None:
    told = Telling()
    request = told.ask()
    told.tell(created(request), *text_block())
    told.wait(11)
    told.tell(done(request, usage={"total_tokens": 5, "input_tokens": 2, "output_tokens": 3}))
    assert len(told.ends) == 1
    assert [notice.event.response.status for notice in told.all(ResponseFinished)] == ["unknown", "completed"]
    usage = told.core.usage.snapshot()
    assert (usage.responses, usage.responses_without_usage, usage.total_tokens) == ((("completed", 1),), 0, 5)


@pytest.mark.parametrize(
    "damage",
    [{"usage": "none"}, {"output": [message(), {"type": 5}]}, {"status": 7}, {"metadata": ["no"]}],
    ids=["usage", "an item", "status", "metadata"],
)
def test_an_end_that_is_malformed_is_an_end_with_what_can_be_read_of_it(damage: Frame) -> None:
    told = Telling()
    told.tell(created(told.ask()), *text_block(), done(**damage))
    assert len(told.all(Unreadable)) == 1
    assert told.ends[0].done is not None
    assert told.words() == WORDS


# --- the beginning is lost


def test_a_response_whose_beginning_is_lost_is_the_answer_and_takes_its_time() -> None:
    told = Telling()
    request = told.ask()
    for frame in text_block():
        told.wait(9)
        told.tell(frame)
    told.tell(done(request))
    assert [(end.request, end.reason) for end in told.ends] == [(request, "")]
    assert told.words() == WORDS


def test_a_response_of_which_the_beginning_and_the_end_are_lost_ends() -> None:
    told = Telling()
    told.ask()
    told.tell(*text_block())
    told.wait(11)
    assert told.words() == WORDS


def test_a_response_of_the_server_that_was_taken_for_the_answer_is_given_back() -> None:
    told = Telling()
    told.tell(created(told.ask()), done(told.ask(), "other"))  # the server repeats metadata
    told = Telling()
    first = told.ask()
    told.tell(created(first), done(first))
    request = told.ask()
    told.tell(output_item("added", message(""), 0) | {"response_id": "vad"}, done(None, "vad"))
    assert [end.request for end in told.ends] == [first]
    told.tell(created(request, "r2"), done(request, "r2"))
    assert [end.request for end in told.ends] == [first, request]


# --- an error that names no command


def test_an_unrelated_error_before_the_response_does_not_take_it_away() -> None:
    told = Telling()
    request = told.ask()
    told.tell(anonymous(), created(request), *text_block(), done(request))
    assert [(end.request, end.error) for end in told.ends] == [(request, None)]
    assert told.words() == WORDS


def test_an_unrelated_error_is_no_answer_when_another_command_may_have_caused_it() -> None:
    told = Telling()
    told.core.send(client_event("conversation.item.create", item=message("x", role="assistant")), now=0.0)
    request = told.ask()
    told.tell(anonymous())
    told.wait(0.9)
    told.tell(created(request), done(request))
    assert told.ends[0].done is not None


def test_an_error_without_a_response_is_the_answer_after_a_second() -> None:
    told = Telling()
    told.ask()
    told.tell(anonymous(message="No model is loaded."))
    told.wait(1.1)
    (end,) = told.ends
    assert (end.done, end.reason) == (None, "No model is loaded.")
    assert end.error is not None


@pytest.mark.parametrize("field", ["type", "code"])
def test_an_error_that_says_that_the_content_is_blocked_is_the_answer_at_once(field: str) -> None:
    told = Telling()
    told.ask()
    told.tell(anonymous(**{"message": "Content blocked.", field: "guardrail_violation"}))
    assert [end.reason for end in told.ends] == ["Content blocked."]
    assert told.core.sequencer.state is SequenceState.IDLE


@pytest.mark.parametrize("field", [{"code": "input_audio_buffer_commit_empty"}, {"param": "session.audio.input"}])
def test_an_error_about_another_command_leaves_the_request_alone(field: Frame) -> None:
    told = Telling()
    told.ask()
    told.tell(anonymous(**field))
    told.wait(20)
    assert told.ends == []


def test_a_request_out_of_band_ends_with_an_error_too() -> None:
    told = Telling()
    event = client_event("response.create", response={"conversation": "none"})
    told.ask(event)  # type: ignore[arg-type]  # it is one
    told.tell(anonymous())
    told.wait(1.1)
    assert [end.reason for end in told.ends] == ["Something."]


# --- calls that the server makes itself


def test_a_call_of_the_server_whose_end_is_lost_does_not_keep_the_model_from_going_on() -> None:
    told = Telling()
    request = told.ask()
    mcp = {"type": "mcp_call", "id": "mcp", "server_label": "s", "name": "n", "arguments": "{}"}
    told.tell(created(request), output_item("added", mcp), done(request, output=[mcp]))
    told.wait(59)
    assert (told.sent, told.core.calls.all_answered) == (["response.create"], False)
    told.wait(2)
    assert (told.sent, told.core.calls.all_answered) == (["response.create", "response.create"], True)
