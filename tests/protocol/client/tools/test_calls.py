"""Each call runs once, answers go out in order, and the model goes on once."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import FunctionCallOutputItem, RealtimeEvent
from duologue.protocol.client.dispatch import EventContext
from duologue.protocol.client.tools.calls import ToolCall, ToolCalls
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.testing import CountedIds


def echo(word: str) -> str:
    return word


class Bench:
    """Calls of a model that has `echo`."""

    def __init__(self) -> None:
        self.calls = ToolCalls(Toolbox(echo), new_id=CountedIds())
        self.runs: list[ToolCall] = []
        self.answers: list[tuple[str, str]] = []
        self.follow_ups = 0

    def told(self, name: str, **fields: Any) -> None:
        event = RealtimeEvent.from_json({"type": name, "event_id": "e", **fields})
        assert event.type == name
        self.calls.receive(event)
        self.collect()

    def call(self, call_id: str, *, response_id: str = "r", **fields: Any) -> dict[str, Any]:
        item = {"type": "function_call", "id": f"item_{call_id}", "name": "echo", "call_id": call_id}
        item |= {"arguments": '{"word":"x"}', "status": "completed", **fields}
        self.told("response.output_item.done", response_id=response_id, output_index=0, item=item)
        return item

    def done(self, *output: dict[str, Any], response_id: str = "r", status: str = "completed") -> None:
        self.told("response.done", response={"id": response_id, "status": status, "output": list(output)})

    def answered(self, call_id: str, result: object = "ok") -> None:
        self.calls.answered(call_id, result)
        self.collect()

    def collect(self) -> None:
        self.runs += self.calls.take_runs()
        for event in self.calls.take_events():
            assert isinstance(event.item, FunctionCallOutputItem)
            self.answers.append((event.item.call_id, event.item.output))
        self.follow_ups += self.calls.take_follow_ups()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_call_runs_when_it_is_complete_and_is_answered_when_its_response_is_done(bench: Bench) -> None:
    bench.call("c1")
    (run,) = bench.runs
    assert (run.call_id, run.response_id, run.name, run.bound()) == ("c1", "r", "echo", "x")
    assert list(bench.calls.running) == ["c1"]
    bench.answered("c1")
    assert bench.answers == []
    bench.done()
    assert bench.answers == [("c1", "ok")]
    assert bench.follow_ups == 1
    assert not bench.calls.running


def test_answers_go_out_in_the_order_of_the_calls_and_the_model_goes_on_once(bench: Bench) -> None:
    for call_id in ("c1", "c2", "c3"):
        bench.call(call_id)
    bench.done()
    bench.answered("c3")
    bench.answered("c1", {"a": 1})
    assert bench.answers == [("c1", '{"a":1}')]
    assert bench.follow_ups == 0
    bench.answered("c2")
    assert [call_id for call_id, _ in bench.answers] == ["c1", "c2", "c3"]
    assert bench.follow_ups == 1


def test_pain_18_a_call_runs_exactly_once_however_often_it_is_told(bench: Bench) -> None:
    item = bench.call("c1")
    bench.call("c1")
    bench.done(item)
    bench.done(item)
    assert len(bench.runs) == 1
    bench.answered("c1")
    bench.answered("c1", "again")
    bench.calls.failed("c1", "late")
    bench.call("c1")
    bench.collect()
    assert bench.answers == [("c1", "ok")]
    assert len(bench.runs) == 1


def test_a_call_that_only_the_end_of_the_response_tells_runs_too(bench: Bench) -> None:
    item = {"type": "function_call", "name": "echo", "call_id": "c1", "arguments": '{"word":"x"}'}
    bench.done(item)
    assert [run.call_id for run in bench.runs] == ["c1"]


def test_pain_18_arguments_that_do_not_fit_go_back_to_the_model_and_nothing_runs(bench: Bench) -> None:
    bench.call("c1", arguments="")
    bench.call("c2", name="nothing")
    bench.done()
    assert bench.runs == []
    assert [call_id for call_id, _ in bench.answers] == ["c1", "c2"]
    assert "not a JSON object" in bench.answers[0][1]
    assert "no function 'nothing'" in bench.answers[1][1]
    assert bench.follow_ups == 1


def test_a_call_that_fails_or_answers_nonsense_is_told_to_the_model(bench: Bench) -> None:
    bench.call("c1")
    bench.call("c2")
    bench.calls.failed("c1", "no network")
    bench.answered("c2", object())
    bench.done()
    assert bench.answers[0] == ("c1", "The call failed: no network")
    assert "cannot be written as JSON" in bench.answers[1][1]


def test_a_call_that_was_cut_short_does_not_run(bench: Bench) -> None:
    bench.call("c1", status="incomplete")
    bench.call("")
    bench.done(status="cancelled")
    assert (bench.runs, bench.answers, bench.follow_ups) == ([], [], 0)


@pytest.mark.parametrize(("status", "goes_on"), [("cancelled", 0), ("failed", 0), ("incomplete", 1)], ids=str)
def test_after_a_response_that_was_stopped_the_calls_are_answered_and_nobody_is_asked_to_go_on(
    bench: Bench, status: str, goes_on: int
) -> None:
    bench.call("c1")
    bench.done(status=status)
    bench.answered("c1")
    assert bench.answers == [("c1", "ok")]
    assert bench.follow_ups == goes_on


@pytest.mark.parametrize("early", [True, False], ids=["before the end", "after it"])
def test_pain_08_calls_that_are_given_up_are_told_and_their_late_answers_dropped(bench: Bench, early: bool) -> None:
    bench.call("c1")
    bench.call("c2")
    bench.answered("c1")
    if early:
        assert bench.calls.cancel() == ["c2"]
    bench.done()
    if not early:
        assert bench.calls.cancel() == ["c2"]
    bench.answered("c2", "late")
    assert [call_id for call_id, _ in bench.answers] == ["c1", "c2"]
    assert "the user interrupted" in bench.answers[1][1]
    assert bench.follow_ups == 0
    assert bench.calls.cancel() == []


def test_one_call_can_be_given_up_before_it_is_taken() -> None:
    calls = ToolCalls(Toolbox(echo), new_id=CountedIds())
    for call_id in ("c1", "c2"):
        item = {"type": "function_call", "name": "echo", "call_id": call_id, "arguments": '{"word":"x"}'}
        event = {
            "type": "response.output_item.done",
            "event_id": "e",
            "response_id": "r",
            "output_index": 0,
            "item": item,
        }
        calls.receive(RealtimeEvent.from_json(event))
    assert calls.cancel("c1") == ["c1"]
    assert [run.call_id for run in calls.take_runs()] == ["c2"]


def test_calls_of_responses_out_of_band_are_left_to_whoever_asked(bench: Bench) -> None:
    created = {"type": "response.created", "event_id": "e", "response": {"id": "r", "conversation_id": None}}
    bench.calls.receive(RealtimeEvent.from_json(created), EventContext(out_of_band=True))
    item = bench.call("c1")
    bench.done(item)
    assert (bench.runs, bench.answers) == ([], [])


def test_pain_06_an_answer_outlives_the_connection_its_call_came_over(bench: Bench) -> None:
    bench.call("c1")
    bench.calls.lost()
    bench.collect()
    assert bench.answers == []
    bench.answered("c1")
    assert bench.answers == [("c1", "ok")]
    assert bench.follow_ups == 1


def test_a_session_that_counts_its_calls_and_responses_from_one_again_has_them_run(bench: Bench) -> None:
    created = {"id": "resp_2", "status": "in_progress", "output": []}
    event = RealtimeEvent.from_json({"type": "response.created", "event_id": "e", "response": created})
    bench.calls.receive(event, EventContext(out_of_band=True))
    bench.done(bench.call("call_1", response_id="resp_1"), response_id="resp_1")
    bench.answered("call_1")
    bench.done(bench.call("call_2", response_id="resp_3"), response_id="resp_3")
    bench.calls.lost()
    bench.done(bench.call("call_1", response_id="resp_2"), response_id="resp_2")
    bench.call("call_2", response_id="resp_9")
    assert [run.call_id for run in bench.runs] == ["call_1", "call_2", "call_1"]
    bench.answered("call_1", "again")
    bench.answered("call_2", "late")
    assert bench.answers == [("call_1", "ok"), ("call_1", "again"), ("call_2", "late")]


# --- tools of MCP servers, which the server calls itself

MESSAGE = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "There."}]}


def mcp_call(item_id: str, output: str | None = None) -> dict[str, Any]:
    return {"type": "mcp_call", "id": item_id, "server_label": "s", "name": "n", "arguments": "", "output": output}


def server_calls(bench: Bench, *item_ids: str, response_id: str = "r") -> None:
    for index, item_id in enumerate(item_ids):
        added = {"response_id": response_id, "output_index": index, "item": mcp_call(item_id)}
        bench.told("response.output_item.added", **added)


def server_called(bench: Bench, item_id: str) -> None:
    bench.told("conversation.item.done", previous_item_id=None, item=mcp_call(item_id, "ok"))


@pytest.mark.parametrize("toolbox", [Toolbox(echo), None])
def test_the_model_goes_on_when_the_response_is_done_in_which_the_server_called(toolbox: Toolbox | None) -> None:
    bench = Bench()
    bench.calls = ToolCalls(toolbox, new_id=CountedIds())
    server_calls(bench, "a")
    assert not bench.calls.all_answered
    server_called(bench, "a")
    assert (bench.follow_ups, bench.calls.all_answered) == (0, True)
    bench.done(mcp_call("a", "ok"))
    assert bench.follow_ups == 1
    server_called(bench, "a")
    bench.done(mcp_call("a", "ok"))
    assert (bench.follow_ups, bench.answers) == (1, [])


def test_the_model_goes_on_when_the_server_has_called_after_the_response_was_done(bench: Bench) -> None:
    server_calls(bench, "a", "b")
    bench.done(mcp_call("a"), mcp_call("b"))
    server_called(bench, "b")
    assert (bench.follow_ups, bench.calls.all_answered) == (0, False)
    server_called(bench, "a")
    assert (bench.follow_ups, bench.calls.all_answered) == (1, True)


def test_a_server_that_goes_on_by_itself_is_not_asked_to(bench: Bench) -> None:
    server_calls(bench, "a")
    server_called(bench, "a")
    bench.done(mcp_call("a", "ok"), MESSAGE)
    assert bench.follow_ups == 0


def test_calls_of_both_sides_are_followed_by_one_response(bench: Bench) -> None:
    server_calls(bench, "a")
    call = bench.call("c")
    bench.done(mcp_call("a"), call)
    bench.answered("c")
    assert (bench.answers, bench.follow_ups) == ([("c", "ok")], 0)
    server_called(bench, "a")
    assert bench.follow_ups == 1


def test_functions_that_are_the_applications_own_affair_leave_it_the_word(bench: Bench) -> None:
    bench.calls = ToolCalls(None, new_id=CountedIds())
    server_calls(bench, "a")
    server_called(bench, "a")
    bench.done(mcp_call("a"), bench.call("c"))
    assert (bench.follow_ups, bench.runs, bench.answers) == (0, [], [])


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_server_that_called_in_vain_is_not_asked(bench: Bench, status: str) -> None:
    server_calls(bench, "a")
    bench.done(mcp_call("a"), status=status)
    assert (bench.follow_ups, bench.calls.all_answered) == (0, True)
    server_called(bench, "a")
    assert bench.follow_ups == 0


@pytest.mark.parametrize("ends", [ToolCalls.cancel, ToolCalls.lost])
def test_interrupted_or_cut_off_from_the_server_nobody_asks_it(bench: Bench, ends: Any) -> None:
    server_calls(bench, "a")
    bench.done(mcp_call("a"))
    ends(bench.calls)
    server_called(bench, "a")
    assert (bench.follow_ups, bench.calls.all_answered) == (0, True)


def test_a_response_beside_the_conversation_is_followed_by_none(bench: Bench) -> None:
    created = RealtimeEvent.from_json({"type": "response.created", "event_id": "e", "response": {"id": "r"}})
    bench.calls.receive(created, EventContext(out_of_band=True))
    server_calls(bench, "a")
    server_called(bench, "a")
    bench.done(mcp_call("a", "ok"))
    assert (bench.follow_ups, bench.calls.all_answered) == (0, True)


def test_a_call_of_the_server_is_over_when_its_item_is_deleted(bench: Bench) -> None:
    item = {"type": "mcp_call", "id": "m", "server_label": "s", "name": "n", "arguments": "{}", "output": None}
    bench.told("response.output_item.added", response_id="r", output_index=0, item=item)
    before = bench.calls.all_answered
    bench.told("conversation.item.deleted", item_id="m")
    assert (before, bench.calls.all_answered) == (False, True)
    bench.done(item)
    assert bench.follow_ups == 1


def test_a_call_of_the_server_that_was_deleted_before_it_ended_is_over_with_its_response(bench: Bench) -> None:
    item = {"type": "mcp_call", "id": "m", "server_label": "s", "name": "n", "arguments": "{}", "output": None}
    bench.told("response.output_item.added", response_id="r", output_index=0, item=item)
    bench.done({**item, "output": "5"})
    assert bench.calls.all_answered
    assert bench.follow_ups == 1


def test_of_calls_that_a_lost_server_was_making_nothing_stays(bench: Bench) -> None:
    for response_id in ("r", "under way"):
        server_calls(bench, f"a {response_id}", response_id=response_id)
    bench.done(mcp_call("a r"))
    bench.calls.lost()
    assert (bench.calls.all_answered, bench.calls._turns) == (True, {})


def test_a_response_that_ends_without_a_status_is_complete(bench: Bench) -> None:
    bench.call("c1")
    bench.answered("c1")
    bench.told("response.done", response={"id": "r"})
    assert (bench.answers, bench.follow_ups) == ([("c1", "ok")], 1)
