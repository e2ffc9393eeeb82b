"""A function call runs once with its full arguments, whichever events of its response told it."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.protocol._telling import (
    ARGUMENTS,
    Frame,
    Telling,
    arguments,
    call,
    call_block,
    conversation_item,
    created,
    done,
    of_type,
    output_item,
    text_block,
)
from tests.protocol._wire import client_event

RUN = [("call", "clock", "noon in Oslo")]

TELL_IT_WHOLE: dict[str, Frame] = {
    "arguments.done": arguments("done", name="clock", arguments=ARGUMENTS),
    "output_item.done": output_item("done", call(), 1),
    "output_item.added": output_item("added", call(), 1),
    "item.done": conversation_item("done", call()),
    "item.added": conversation_item("added", call()),
    "item.created": conversation_item("created", call()),
    "response.done": done(output=[call()]),
}
"""One event of each kind that has all of the call."""

EMPTIER: dict[str, list[Frame]] = {
    "null": [done(output=None)],
    "absent": [{"type": "response.done", "response": {"id": "r", "status": "completed"}}],
    "empty": [done(output=[])],
    "without arguments": [output_item("done", call(""), 1), done(output=[call("")])],
    "with an empty object": [output_item("done", call("{}"), 1), done(output=[call("{}")])],
    "cut": [output_item("done", call('{"pla'), 1), done(output=[call('{"pla')])],
    "without a name": [output_item("done", call(name=""), 1), done(output=[call("", name="", call_id="")])],
    "still in progress": [done(output=[call("", status="in_progress")])],
}
"""Ends of the response that tell less than was told before."""


def telling() -> Telling:
    told = Telling()
    told.tell(created(told.ask()))
    return told


@pytest.mark.parametrize("end", EMPTIER.values(), ids=EMPTIER)
@pytest.mark.parametrize("frame", TELL_IT_WHOLE.values(), ids=TELL_IT_WHOLE)
def test_a_call_runs_once_whichever_event_told_it_whole(frame: Frame, end: list[Frame]) -> None:
    told = telling()
    told.tell(frame, *end)
    assert told.runs == RUN
    assert told.sent[1:] == ["conversation.item.create", "response.create"]


@pytest.mark.parametrize("order", list(permutations(list(TELL_IT_WHOLE)[:4])), ids=" ".join)
def test_a_call_runs_once_in_whatever_order_its_events_come_and_come_again(order: tuple[str, ...]) -> None:
    told = telling()
    told.tell(*(TELL_IT_WHOLE[name] for name in order), *(TELL_IT_WHOLE[name] for name in order))
    told.tell(done(output=[call()]), done(output=[call()]))
    assert told.runs == RUN
    assert told.sent.count("conversation.item.create") == 1


def test_pieces_that_add_up_are_a_call_when_the_response_ends() -> None:
    told = telling()
    told.tell(output_item("added", call("", status="in_progress"), 1))
    told.tell(arguments("delta", delta=ARGUMENTS[:7]), arguments("delta", delta=ARGUMENTS[7:]))
    assert told.runs == []
    told.tell(done(output=None))
    assert told.runs == RUN


@pytest.mark.parametrize("first", [0, 1], ids=["the arguments first", "the item first"])
def test_the_name_and_the_id_of_a_call_may_be_in_another_event_than_its_arguments(first: int) -> None:
    frames = [
        arguments("done", name="", call_id="", arguments=ARGUMENTS),
        output_item("done", call(""), 1),
    ]
    told = telling()
    told.tell(frames[first], frames[1 - first])
    told.tell(done(output=[]))
    assert told.runs == RUN


def test_an_item_without_an_id_is_found_by_its_place() -> None:
    told = telling()
    told.tell(arguments("done", item_id="", call_id="", name="clock", arguments=ARGUMENTS))
    told.tell(done(output=[{**call(""), "id": None}]))
    assert told.runs == RUN


def test_a_call_to_which_the_server_gives_no_call_id_is_answered_by_the_id_of_its_item() -> None:
    told = telling()
    told.tell(arguments("done", call_id="", name="clock", arguments=ARGUMENTS), done(output=[]))
    assert told.runs == [("f", "clock", "noon in Oslo")]


def test_two_calls_of_a_response_do_not_get_each_other_s_arguments() -> None:
    second = call('{"place":"Rome"}', id="f2", call_id="call2")
    told = telling()
    told.tell(arguments("done", name="clock", arguments=ARGUMENTS))
    told.tell(arguments("done", item_id="f2", output_index=2, call_id="call2", name="", arguments='{"place":"Rome"}'))
    told.tell(done(output=[call(""), second | {"arguments": ""}]))
    assert told.runs == [*RUN, ("call2", "clock", "noon in Rome")]


@pytest.mark.parametrize(
    "late",
    [
        call_block(),
        [TELL_IT_WHOLE["arguments.done"]],
        [TELL_IT_WHOLE["output_item.done"]],
        [TELL_IT_WHOLE["item.done"]],
    ],
    ids=["all events", "arguments.done", "output_item.done", "item.done"],
)
def test_a_call_behind_the_end_of_its_response_is_run_and_answered(late: list[Frame]) -> None:
    told = telling()
    told.tell(*text_block(), done(output=[]))
    told.tell(*late)
    assert told.runs == RUN
    assert told.sent[1:] == ["conversation.item.create", "response.create"]


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_call_of_a_stopped_response_runs_only_if_it_was_whole_before(status: str) -> None:
    for before, runs in (
        ([arguments("delta", delta=ARGUMENTS)], []),
        ([arguments("done", name="clock", arguments=ARGUMENTS)], []),
        ([output_item("done", call(status="incomplete"), 1)], []),
        ([output_item("done", call(), 1)], RUN),
    ):
        told = telling()
        told.tell(*before, done(status=status, output=[call(status="incomplete")]))
        assert told.runs == runs


def test_damaged_arguments_are_reported_to_the_model_and_never_run() -> None:
    told = telling()
    told.tell(arguments("done", name="clock", arguments='{"place":"Os'), done(output=[call('{"place":"Os')]))
    assert told.runs == []
    assert told.sent[1:] == ["conversation.item.create", "response.create"]


def test_a_function_that_needs_nothing_runs_without_arguments() -> None:
    def now() -> str:
        return "noon"

    told = Telling(now=now)
    told.tell(created(told.ask()), output_item("done", call("", name="now"), 1), done(output=[]))
    assert told.runs == [("call", "now", "noon")]


def test_a_call_that_the_client_itself_adds_is_not_run() -> None:
    told = telling()
    told.tell(*text_block(), done())
    past = call(id="past", call_id="past")
    told.core.send(client_event("conversation.item.create", item=past), now=0.0)
    told.tell(conversation_item("added", past), conversation_item("done", past))
    assert told.runs == []


def test_a_call_that_a_continued_conversation_had_before_is_not_run() -> None:
    told = Telling()
    told.tell(conversation_item("added", call(id="old", call_id="old")), conversation_item("done", call(id="old")))
    told.tell(created(told.ask()), *text_block(), done())
    assert told.runs == []


def test_a_call_without_any_other_event_of_its_response_is_run_at_its_end() -> None:
    told = Telling()
    request = told.ask()
    told.tell(conversation_item("done", call()))
    assert told.runs == []
    told.tell(done(request, output=[]))
    assert told.runs == RUN


# --- as servers have been seen to do it


def test_a_server_whose_end_of_a_response_has_a_null_output() -> None:
    """huggingface/speech-to-speech before its pull request 416: the call is in `arguments.done` alone."""
    told = telling()
    told.tell(arguments("done", name="clock", arguments=ARGUMENTS), done(output=None))
    assert told.runs == RUN


def test_a_server_whose_item_is_complete_in_the_conversation_alone() -> None:
    """huggingface/speech-to-speech, pull request 457: only `conversation.item.done` has the whole call."""
    told = telling()
    told.tell(output_item("added", call("", status="in_progress"), 1), conversation_item("done", call()))
    told.tell(done(output=[]))
    assert told.runs == RUN


def test_a_server_that_empties_the_arguments_at_the_end_of_the_item() -> None:
    """nithiink/yapcode, pull request 21: `output_item.done` has no arguments behind a full `arguments.done`."""
    told = telling()
    told.tell(*of_type(call_block(), "response.output_item.done", "conversation.item.done"))
    told.tell(output_item("done", call(""), 1), done(output=[call("")]))
    assert told.runs == RUN
