"""Each call runs once, answers go out in order, and the model goes on once."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import FunctionCallOutputItem
from duologue.protocol.client.dispatch import EventContext
from duologue.protocol.client.tools.calls import ToolCall, ToolCalls
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.testing import CountedIds
from tests.protocol._wire import server_event


def echo(word: str) -> str:
    return word


class CallsDriver:
    """Calls of a model that has `echo`."""

    def __init__(self, toolbox: Toolbox | None = None) -> None:
        self.calls = ToolCalls(toolbox or Toolbox(echo), new_id=CountedIds())
        self.runs: list[ToolCall] = []
        self.answers: list[tuple[str, str]] = []
        self.follow_ups = 0

    def receive(self, name: str, *, out_of_band: bool = False, **fields: Any) -> None:
        self.calls.receive(server_event(name, **fields), EventContext(out_of_band=out_of_band))
        self.collect()

    def call(self, call_id: str, *, response_id: str = "r", **fields: Any) -> dict[str, Any]:
        item = {"type": "function_call", "id": f"item_{call_id}", "name": "echo", "call_id": call_id}
        item |= {"arguments": '{"word":"x"}', "status": "completed", **fields}
        self.receive("response.output_item.done", response_id=response_id, output_index=0, item=item)
        return item

    def done(self, *output: dict[str, Any], response_id: str = "r", status: str = "completed") -> None:
        self.receive("response.done", response={"id": response_id, "status": status, "output": list(output)})

    def answered(self, call_id: str, result: object = "ok") -> None:
        self.calls.answered(call_id, result)
        self.collect()

    def collect(self) -> None:
        self.runs += self.calls.take_runs()
        for event in self.calls.take_events():
            assert isinstance(event.item, FunctionCallOutputItem)
            self.answers.append((event.item.call_id, event.item.output))
        self.follow_ups += sum(continues for _, continues in self.calls.take_ended())


@pytest.fixture
def driver() -> CallsDriver:
    return CallsDriver()


def test_a_call_runs_when_it_is_complete_and_is_answered_when_its_response_is_done(driver: CallsDriver) -> None:
    driver.call("c1")
    (run,) = driver.runs
    assert (run.call_id, run.response_id, run.name, run.bound()) == ("c1", "r", "echo", "x")
    assert list(driver.calls.running) == ["c1"]
    driver.answered("c1")
    assert driver.answers == []
    driver.done()
    assert driver.answers == [("c1", "ok")]
    assert driver.follow_ups == 1
    assert not driver.calls.running


def test_answers_go_out_in_the_order_of_the_calls_and_the_model_goes_on_once(driver: CallsDriver) -> None:
    for call_id in ("c1", "c2", "c3"):
        driver.call(call_id)
    driver.done()
    driver.answered("c3")
    driver.answered("c1", {"a": 1})
    assert driver.answers == [("c1", '{"a":1}')]
    assert driver.follow_ups == 0
    driver.answered("c2")
    assert [call_id for call_id, _ in driver.answers] == ["c1", "c2", "c3"]
    assert driver.follow_ups == 1


def test_pain_18_a_call_runs_exactly_once_however_many_events_contain_it(driver: CallsDriver) -> None:
    item = driver.call("c1")
    driver.call("c1")
    driver.done(item)
    driver.done(item)
    assert len(driver.runs) == 1
    driver.answered("c1")
    driver.answered("c1", "again")
    driver.calls.failed("c1", "late")
    driver.call("c1")
    driver.collect()
    assert driver.answers == [("c1", "ok")]
    assert len(driver.runs) == 1


def test_a_call_that_only_response_done_contains_runs_too(driver: CallsDriver) -> None:
    item = {"type": "function_call", "name": "echo", "call_id": "c1", "arguments": '{"word":"x"}'}
    driver.done(item)
    assert [run.call_id for run in driver.runs] == ["c1"]


def test_pain_18_arguments_that_do_not_fit_go_back_to_the_model_and_nothing_runs(driver: CallsDriver) -> None:
    driver.call("c1", arguments="")
    driver.call("c2", name="nothing")
    driver.done()
    assert driver.runs == []
    assert [call_id for call_id, _ in driver.answers] == ["c1", "c2"]
    assert "not a JSON object" in driver.answers[0][1]
    assert "no function 'nothing'" in driver.answers[1][1]
    assert driver.follow_ups == 1


def test_a_call_that_fails_or_returns_no_json_is_reported_to_the_model(driver: CallsDriver) -> None:
    driver.call("c1")
    driver.call("c2")
    driver.calls.failed("c1", "no network")
    driver.answered("c2", object())
    driver.done()
    assert driver.answers[0] == ("c1", "The call failed: no network")
    assert "cannot be written as JSON" in driver.answers[1][1]


def test_a_call_that_was_cut_short_does_not_run(driver: CallsDriver) -> None:
    driver.call("c1", status="incomplete")
    driver.call("")
    driver.done(status="cancelled")
    assert (driver.runs, driver.answers, driver.follow_ups) == ([], [], 0)


@pytest.mark.parametrize(("status", "goes_on"), [("cancelled", 0), ("failed", 0), ("incomplete", 1)], ids=str)
def test_after_a_response_that_was_stopped_the_calls_are_answered_and_the_model_does_not_go_on(
    driver: CallsDriver, status: str, goes_on: int
) -> None:
    driver.call("c1")
    driver.done(status=status)
    driver.answered("c1")
    assert driver.answers == [("c1", "ok")]
    assert driver.follow_ups == goes_on


@pytest.mark.parametrize("early", [True, False], ids=["before the end", "after it"])
def test_pain_08_cancelled_calls_are_answered_and_their_late_results_dropped(driver: CallsDriver, early: bool) -> None:
    driver.call("c1")
    driver.call("c2")
    driver.answered("c1")
    if early:
        assert driver.calls.cancel() == ["c2"]
    driver.done()
    if not early:
        assert driver.calls.cancel() == ["c2"]
    driver.answered("c2", "late")
    assert [call_id for call_id, _ in driver.answers] == ["c1", "c2"]
    assert "the user interrupted" in driver.answers[1][1]
    assert driver.follow_ups == 0
    assert driver.calls.cancel() == []


def test_one_call_can_be_cancelled_before_it_is_taken() -> None:
    calls = ToolCalls(Toolbox(echo), new_id=CountedIds())
    for call_id in ("c1", "c2"):
        item = {"type": "function_call", "name": "echo", "call_id": call_id, "arguments": '{"word":"x"}'}
        calls.receive(server_event("response.output_item.done", response_id="r", output_index=0, item=item))
    assert calls.cancel("c1") == ["c1"]
    assert [run.call_id for run in calls.take_runs()] == ["c2"]


def test_calls_of_responses_out_of_band_are_left_to_the_application(driver: CallsDriver) -> None:
    driver.receive("response.created", response={"id": "r"}, out_of_band=True)
    item = driver.call("c1")
    driver.done(item)
    assert (driver.runs, driver.answers) == ([], [])


def test_pain_06_an_answer_outlives_the_connection_its_call_came_over(driver: CallsDriver) -> None:
    driver.call("c1")
    driver.calls.lost()
    driver.collect()
    assert driver.answers == []
    driver.answered("c1")
    assert driver.answers == [("c1", "ok")]
    assert driver.follow_ups == 1


def test_a_session_that_counts_its_calls_and_responses_from_one_again_has_them_run(driver: CallsDriver) -> None:
    driver.receive("response.created", response={"id": "resp_2"}, out_of_band=True)
    driver.done(driver.call("call_1", response_id="resp_1"), response_id="resp_1")
    driver.answered("call_1")
    driver.done(driver.call("call_2", response_id="resp_3"), response_id="resp_3")
    driver.calls.lost()
    driver.done(driver.call("call_1", response_id="resp_2"), response_id="resp_2")
    driver.call("call_2", response_id="resp_9")
    assert [run.call_id for run in driver.runs] == ["call_1", "call_2", "call_1"]
    driver.answered("call_1", "again")
    driver.answered("call_2", "late")
    assert driver.answers == [("call_1", "ok"), ("call_1", "again"), ("call_2", "late")]


# --- tools of MCP servers, which the server calls itself

MESSAGE = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "There."}]}


def mcp_call(item_id: str, output: str | None = None) -> dict[str, Any]:
    return {"type": "mcp_call", "id": item_id, "server_label": "s", "name": "n", "arguments": "", "output": output}


def server_calls(driver: CallsDriver, *item_ids: str, response_id: str = "r") -> None:
    for index, item_id in enumerate(item_ids):
        item = mcp_call(item_id)
        driver.receive("response.output_item.added", response_id=response_id, output_index=index, item=item)


def server_called(driver: CallsDriver, item_id: str) -> None:
    driver.receive("conversation.item.done", previous_item_id=None, item=mcp_call(item_id, "ok"))


@pytest.mark.parametrize("toolbox", [Toolbox(echo), None])
def test_the_model_goes_on_when_the_response_is_done_in_which_the_server_called(toolbox: Toolbox | None) -> None:
    driver = CallsDriver()
    driver.calls = ToolCalls(toolbox, new_id=CountedIds())
    server_calls(driver, "a")
    assert not driver.calls.all_answered
    server_called(driver, "a")
    assert (driver.follow_ups, driver.calls.all_answered) == (0, True)
    driver.done(mcp_call("a", "ok"))
    assert driver.follow_ups == 1
    server_called(driver, "a")
    driver.done(mcp_call("a", "ok"))
    assert (driver.follow_ups, driver.answers) == (1, [])


def test_the_model_goes_on_when_the_server_has_called_after_the_response_was_done(driver: CallsDriver) -> None:
    server_calls(driver, "a", "b")
    driver.done(mcp_call("a"), mcp_call("b"))
    server_called(driver, "b")
    assert (driver.follow_ups, driver.calls.all_answered) == (0, False)
    server_called(driver, "a")
    assert (driver.follow_ups, driver.calls.all_answered) == (1, True)


def test_a_server_that_lets_the_model_go_on_itself_is_not_asked_to(driver: CallsDriver) -> None:
    server_calls(driver, "a")
    server_called(driver, "a")
    driver.done(mcp_call("a", "ok"), MESSAGE)
    assert driver.follow_ups == 0


def test_calls_of_both_sides_are_followed_by_one_response(driver: CallsDriver) -> None:
    server_calls(driver, "a")
    call = driver.call("c")
    driver.done(mcp_call("a"), call)
    driver.answered("c")
    assert (driver.answers, driver.follow_ups) == ([("c", "ok")], 0)
    server_called(driver, "a")
    assert driver.follow_ups == 1


def test_the_model_does_not_go_on_where_the_application_answers_a_call(driver: CallsDriver) -> None:
    driver.calls = ToolCalls(None, new_id=CountedIds())
    server_calls(driver, "a")
    server_called(driver, "a")
    driver.done(mcp_call("a"), driver.call("c"))
    assert (driver.follow_ups, driver.runs, driver.answers) == (0, [], [])


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_the_model_does_not_go_on_after_a_stopped_response_in_which_the_server_called(
    driver: CallsDriver, status: str
) -> None:
    server_calls(driver, "a")
    driver.done(mcp_call("a"), status=status)
    assert (driver.follow_ups, driver.calls.all_answered) == (0, True)
    server_called(driver, "a")
    assert driver.follow_ups == 0


@pytest.mark.parametrize("ends", [ToolCalls.cancel, ToolCalls.lost])
def test_the_model_does_not_go_on_after_an_interruption_or_a_loss(driver: CallsDriver, ends: Any) -> None:
    server_calls(driver, "a")
    driver.done(mcp_call("a"))
    ends(driver.calls)
    server_called(driver, "a")
    assert (driver.follow_ups, driver.calls.all_answered) == (0, True)


def test_a_response_out_of_band_is_followed_by_none(driver: CallsDriver) -> None:
    driver.receive("response.created", response={"id": "r"}, out_of_band=True)
    server_calls(driver, "a")
    server_called(driver, "a")
    driver.done(mcp_call("a", "ok"))
    assert (driver.follow_ups, driver.calls.all_answered) == (0, True)


def test_a_call_of_the_server_is_over_when_its_item_is_deleted(driver: CallsDriver) -> None:
    server_calls(driver, "m")
    before = driver.calls.all_answered
    driver.receive("conversation.item.deleted", item_id="m")
    assert (before, driver.calls.all_answered) == (False, True)
    driver.done(mcp_call("m"))
    assert driver.follow_ups == 1


def test_a_call_of_the_server_that_was_deleted_before_it_ended_is_over_with_its_response(driver: CallsDriver) -> None:
    server_calls(driver, "m")
    driver.done(mcp_call("m", "5"))
    assert driver.calls.all_answered
    assert driver.follow_ups == 1


def test_no_call_that_a_lost_server_was_making_stays(driver: CallsDriver) -> None:
    for response_id in ("r", "in progress"):
        server_calls(driver, f"a {response_id}", response_id=response_id)
    driver.done(mcp_call("a r"))
    driver.calls.lost()
    assert (driver.calls.all_answered, len(driver.calls._turns)) == (True, 0)


def test_a_response_that_ends_without_a_status_is_complete(driver: CallsDriver) -> None:
    driver.call("c1")
    driver.answered("c1")
    driver.receive("response.done", response={"id": "r"})
    assert (driver.answers, driver.follow_ups) == ([("c1", "ok")], 1)


def test_a_call_of_a_tool_without_a_function_is_the_applications_and_so_is_what_follows() -> None:
    driver = CallsDriver(Toolbox(echo, {"type": "function", "name": "pay", "parameters": {}}))
    pay = driver.call("c1", name="pay", arguments="{}")
    driver.done(driver.call("c2"), pay)
    assert [(run.call_id, run.item_id, run.arguments) for run in driver.runs] == [("c2", "item_c2", '{"word":"x"}')]
    driver.answered("c2")
    assert driver.answers == [("c2", "ok")]
    assert driver.follow_ups == 0
