"""The outputs of a response's calls, in order, and whether the model goes on. `test_calls.py` has the rest."""

from __future__ import annotations

from duologue.events import FunctionCallOutputItem
from duologue.protocol.client.tools.call_turns import CallTurns
from duologue.testing import CountedIds


def outputs(turns: CallTurns) -> list[str]:
    events, turns.events = turns.events, []
    return [event.item.output for event in events if isinstance(event.item, FunctionCallOutputItem)]


def test_calls_that_started_in_another_order_are_answered_in_theirs() -> None:
    turns = CallTurns(new_id=CountedIds())
    turns.started("r", "second", answer="2", status=None)
    turns.started("r", "first", answer=None, status=None)
    turns.sort("r", ["other", "first", "second"])
    turns.sort("unknown", ["first"])
    turns.response_ended("r", "completed", [], by_application=False)
    assert (outputs(turns), turns.running, turns.runs_in("r"), "r" in turns) == ([], ("first",), True, True)
    turns.report("first", "1")
    assert (outputs(turns), turns.ended, len(turns)) == (["1", "2"], [("r", True)], 0)


def test_a_call_of_a_response_that_has_ended_is_answered_at_once() -> None:
    turns = CallTurns(new_id=CountedIds())
    turns.started("r", "late", answer=None, status="completed")
    turns.report("late", "done")
    assert (outputs(turns), turns.ended) == (["done"], [("r", True)])


def test_the_model_goes_on_after_a_response_whose_end_the_server_did_not_tell() -> None:
    turns = CallTurns(new_id=CountedIds())
    turns.started("r", "c", answer="1", status=None)
    turns.response_ended("r", "unknown", [], by_application=False)
    assert turns.ended == [("r", True)]
