"""Function calls of the Responses model in a Live session."""

from __future__ import annotations

from typing import Any

from duologue.events.live import LiveClientEvent, LiveResponseEvent
from duologue.protocol.live.client.delegations import MAX_OUTPUT_BYTES, Delegations
from duologue.protocol.live.client.notices import RunFunction, StopFunction


def call(call_id: str, kind: str = "response.output_item.done") -> LiveResponseEvent:
    item = {"type": "function_call", "call_id": call_id, "name": "track", "arguments": "{}"}
    return LiveResponseEvent(event={"type": kind, "item": item})


def responses(kind: str) -> LiveResponseEvent:
    return LiveResponseEvent(event={"type": kind})


def written(events: list[LiveClientEvent]) -> list[Any]:
    return [event.to_json().get("item", {}).get("call_id", event.type) for event in events]


def test_all_outputs_and_then_one_request() -> None:
    work = Delegations()
    work.received(responses("response.created"), now=0.0)
    assert len(work.received(call("a"), now=0.0)) == 1
    assert len(work.received(call("b"), now=0.0)) == 1
    assert work.received(responses("response.completed"), now=0.0) == []
    assert written(work.answered("a", "1", now=0.0)) == ["a"]
    assert work.due(0.0) == []
    assert written(work.answered("b", "2", now=0.0)) == ["b"]
    assert written(work.due(0.0)) == ["response.create"]
    assert work.due(0.0) == []


def test_a_call_runs_once_though_the_stream_shows_it_three_times() -> None:
    work = Delegations()
    assert work.received(call("a", "response.output_item.added"), now=0.0) == []
    assert [type(notice) for notice in work.received(call("a"), now=0.0)] == [RunFunction]
    assert work.received(call("a"), now=0.0) == []


def test_the_request_waits_for_the_end_of_the_response_which_may_make_more_calls() -> None:
    work = Delegations()
    work.received(responses("response.created"), now=0.0)
    work.received(call("a"), now=0.0)
    work.answered("a", "1", now=0.0)
    assert work.due(0.0) == []
    work.received(call("b"), now=0.0)
    work.received(responses("response.completed"), now=0.0)
    assert work.due(0.0) == []
    work.answered("b", "2", now=0.0)
    assert written(work.due(0.0)) == ["response.create"]


def test_a_response_whose_end_never_comes_is_not_waited_for_long() -> None:
    work = Delegations()
    work.received(responses("response.created"), now=0.0)
    work.received(call("a"), now=0.0)
    work.answered("a", "1", now=2.0)
    assert work.next_tick_at == 7.0
    assert work.due(6.9) == []
    assert written(work.due(7.0)) == ["response.create"]
    assert work.next_tick_at == float("inf")


def test_a_failed_response_needs_no_outputs() -> None:
    work = Delegations()
    work.received(responses("response.created"), now=0.0)
    work.received(call("a"), now=0.0)
    assert work.received(responses("response.failed"), now=0.0) == [StopFunction("a")]
    assert work.answered("a", "late", now=0.0) == []
    assert work.due(100.0) == []


def test_an_output_that_the_server_would_refuse_is_cut_and_says_so() -> None:
    work = Delegations()
    work.received(call("a"), now=0.0)
    (event,) = work.answered("a", "é" * 30_000, now=0.0)
    output = event.to_json()["item"]["output"]
    assert len(output.encode()) < MAX_OUTPUT_BYTES
    assert output.endswith("[cut: the output has 60000 bytes]")


def test_what_is_remembered_is_bounded() -> None:
    work = Delegations()
    for number in range(1000):
        work.received(call(f"call_{number}"), now=0.0)
        work.answered(f"call_{number}", "", now=0.0)
    assert work.pending_calls == ()
    assert len(work._seen) <= 257


def test_of_calls_without_end_the_oldest_are_given_up_and_none_runs_twice() -> None:
    work = Delegations()
    notices = [notice for number in range(300) for notice in work.received(call(f"c{number}"), now=0.0)]
    assert len(work.pending_calls) == 256
    assert [notice.call_id for notice in notices if isinstance(notice, StopFunction)] == [f"c{n}" for n in range(44)]
    assert all(work.received(call(each.call_id), now=0.0) == [] for each in work.pending_calls)
