"""Functions that the Responses model calls, in parallel, with limits."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from duologue import Live, ToolContext, ToolProblem
from duologue.client.live import functions as module
from duologue.events.live import LiveFunctionCall
from duologue.notices import RunFunction
from duologue.testing import Expect, ScriptedServer, Send
from tests.client.live._talking import RESPONSES, call, heard, serving, started, talking

STARTED = started(delegation=RESPONSES["delegation"])
ANSWERED = (Expect("response.item.create"), Expect("response.create"))


def outputs(server: ScriptedServer) -> dict[str, str]:
    """The outputs that the client has sent, by call."""
    items = [event["item"] for event in server.received[0] if event["type"] == "response.item.create"]
    return {item["call_id"]: item["output"] for item in items if item["type"] == "function_call_output"}


def weather(city: str) -> dict[str, str]:
    """The weather in a city."""
    return {"city": city, "sky": "rain"}


async def called(*tools: Any, server: ScriptedServer, **options: Any) -> dict[str, str]:
    """Run a session to the moment when the model was answered."""
    async with talking(server, session=RESPONSES, tools=tools, **options):
        await server.wait_for("response.create")
    return outputs(server)


async def test_functions_run_and_all_outputs_come_before_one_request() -> None:
    turn = threading.Barrier(2, timeout=5)

    def one() -> str:
        turn.wait()  # passes only if both run at once
        return "1"

    def two() -> str:
        turn.wait()
        return "2"

    server = serving(
        Send(call("c1", "one"), call("c2", "two"), call("c1", "one")),
        Expect("response.item.create"),
        *ANSWERED,
        start=STARTED,
    )
    assert await called(one, two, server=server) == {"c1": "1", "c2": "2"}
    assert server.types()[1:4] == ["response.item.create", "response.item.create", "response.create"]


async def test_results_are_written_as_json_and_faults_are_told_without_their_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken() -> str:
        raise RuntimeError("the password is 1234")

    calls = (
        call("c1", "weather", '{"city": "Ulm"}'),
        call("c2", "weather", "{}"),
        call("c3", "broken"),
        call("c4", "stocks"),
    )
    server = serving(Send(*calls), *(Expect("response.item.create"),) * 3, *ANSWERED, start=STARTED)
    told = await called(weather, broken, server=server)
    assert told["c1"] == '{"city":"Ulm","sky":"rain"}'
    assert "city: it is missing" in told["c2"]
    assert told["c3"] == "The call failed: broken failed with RuntimeError."
    assert "no function 'stocks'" in told["c4"]
    assert "the function broken failed" in caplog.text


async def test_a_function_that_takes_too_long_is_given_up() -> None:
    async def slow() -> None:
        await asyncio.Event().wait()

    server = serving(Send(call("c1", "slow")), *ANSWERED, start=STARTED)
    told = await called(slow, server=server, tool_timeout=0.01)
    assert "took longer than 0.01 s" in told["c1"]


async def test_a_function_gets_its_session_and_its_call() -> None:
    async def which(context: ToolContext[Live], live: Live) -> str:
        assert live is context.conversation
        assert live.session is not None
        return f"{live.session.id} {context.call_id} {context.name}"

    server = serving(Send(call("c1", "which")), *ANSWERED, start=STARTED)
    assert await called(which, server=server) == {"c1": "live_1 c1 which"}


async def test_a_problem_of_a_function_is_told_in_its_own_words() -> None:
    def book() -> str:
        raise ToolProblem("There is no seat left.")

    server = serving(Send(call("c1", "book")), *ANSWERED, start=STARTED)
    assert await called(book, server=server) == {"c1": "The call failed: There is no seat left."}


async def test_without_functions_the_application_answers() -> None:
    server = serving(Send(call("c1", "weather")), *ANSWERED, start=STARTED)
    async with talking(server, session=RESPONSES) as live:
        async with live.stream(RunFunction) as runs:
            (run,) = await heard(runs)
        assert run.call == LiveFunctionCall(call_id="c1", name="weather", arguments="{}")
        await live.answer_function("c1", "Rain.")
        await server.wait_for("response.create")
    assert outputs(server) == {"c1": "Rain."}


async def test_an_application_may_send_the_events_of_an_answer_itself() -> None:
    server = serving(Send(call("c1", "weather")), *ANSWERED, start=STARTED)
    async with talking(server, session=RESPONSES) as live:
        async with live.stream(RunFunction) as runs:
            await heard(runs)
        item = {"type": "function_call_output", "call_id": "c1", "output": "Rain."}
        await live.send({"type": "response.item.create", "item": item})
        await live.send({"type": "response.create"})
        await server.wait_for("response.create")
    assert server.types().count("response.create") == 1


async def test_functions_that_run_end_with_the_session() -> None:
    cancelled = asyncio.Event()
    begun = asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    server = serving(Send(call("c1", "endless")), start=STARTED)
    async with talking(server, session=RESPONSES, tools=[endless]) as live:
        async with asyncio.timeout(5):
            await begun.wait()
        assert live.is_working
    assert cancelled.is_set()


async def test_more_functions_than_may_run_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_THREADS", 1)
    release = asyncio.Event()

    async def wait() -> str:
        await release.wait()
        return "done"

    server = serving(
        Send(call("c1", "wait"), call("c2", "wait")), Expect("response.item.create"), *ANSWERED, start=STARTED
    )
    async with talking(server, session=RESPONSES, tools=[wait]):
        await server.wait_for("response.item.create")
        release.set()
        await server.wait_for("response.create")
    assert outputs(server) == {"c1": "done", "c2": "The call failed: 1 functions run already; call it again later."}
