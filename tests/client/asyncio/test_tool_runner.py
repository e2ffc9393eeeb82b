"""Known problems of realtime clients with functions: calls that block, endless functions, invalid arguments."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any, Literal

import pytest

from duologue.client import converse
from duologue.client.asyncio.tool_runner import MAX_THREADS, ToolRunner
from duologue.errors import RequestRejected
from duologue.notices import RunTool, SessionRestored, SpeechStarted, StopTool
from duologue.protocol.client.tools.calls import ToolCall
from duologue.protocol.client.tools.toolbox import Toolbox, ToolProblem
from duologue.testing import Drop, Expect, Send, Until
from tests.client._frames import answers, asks, call, serving, tool_turn
from tests.client._waiting import following, no_task_left, talking

SPEECH_STARTED = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 900, "item_id": "item_u"}


def weather(city: str, *, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """The weather in a city."""
    return f"Rain in {city}, 7 {unit}"


async def test_a_question_is_answered_when_the_functions_are_and_the_model_has_gone_on() -> None:
    server = serving(tool_turn(call("call_1", "weather", '{"city":"Oslo"}'), reply="It rains in Oslo."))
    async with talking(server, tools=[weather]) as conversation:
        assert await conversation.ask("The weather in Oslo?", timeout=5) == "It rains in Oslo."
    assert answers(server) == [("call_1", "Rain in Oslo, 7 celsius")]
    assert server.received[0][0]["session"]["tools"][0]["name"] == "weather"


async def test_pain_08_a_function_that_blocks_its_thread_holds_up_neither_audio_nor_events() -> None:
    unblock = threading.Event()

    def slow() -> str:
        unblock.wait(5)
        return "done"

    steps = tool_turn(call("call_1", "slow", "{}"))
    during = asyncio.Event()
    steps.insert(6, Send({"type": "response.emotion", "event_id": "news"}))
    server = serving(steps)
    async with talking(server, tools=[slow]) as conversation:
        conversation.on(RunTool, lambda _: during.set())
        asking = asyncio.ensure_future(conversation.ask("go", timeout=5))
        await asyncio.wait_for(during.wait(), 5)
        assert await conversation.send_audio(bytes(4800))
        await server.wait_for("input_audio_buffer.append")
        assert not asking.done()
        unblock.set()
        assert await asking == "There."
    assert answers(server) == [("call_1", "done")]


@pytest.mark.parametrize("stuck", ["stuck_task", "stuck_thread"])
async def test_pain_08_a_function_that_takes_too_long_is_given_up_and_the_model_gets_an_answer(stuck: str) -> None:
    release = threading.Event()

    async def stuck_task() -> str:
        await asyncio.Event().wait()
        return "never"

    def stuck_thread() -> str:
        release.wait(10)
        return "too late"

    server = serving(tool_turn(call("call_1", stuck, "{}")))
    async with talking(server, tools=[stuck_task, stuck_thread], tool_timeout=0.05) as conversation:
        assert await conversation.ask("go", timeout=5) == "There."
        release.set()
    assert answers(server) == [("call_1", f"The call failed: {stuck} took longer than 0.05 s and was given up.")]


async def test_pain_08_a_function_is_cancelled_when_the_user_talks_over_it() -> None:
    running, stopped = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return "never"

    steps = tool_turn(call("call_1", "slow", "{}"))[:-2]
    steps[6:6] = [Until(running), Send(SPEECH_STARTED)]
    server = serving(steps)
    async with talking(server, tools=[slow]) as conversation:
        async with conversation.stream(SpeechStarted, StopTool) as notices:
            asking = asyncio.ensure_future(conversation.ask("go", timeout=5))
            await following(notices, 2)
            await asyncio.wait_for(stopped.wait(), 5)
            assert await asking == ""
        await server.played()
    assert answers(server) == [("call_1", "The call was cancelled: the user interrupted.")]
    assert server.types().count("response.create") == 1


async def test_pain_08_a_thread_that_never_ends_does_not_keep_the_block_from_being_left() -> None:
    unblock, running = threading.Event(), asyncio.Event()

    def stuck() -> str:
        unblock.wait(30)
        return "too late"

    server = serving(tool_turn(call("call_1", "stuck", "{}")))
    async with no_task_left():
        async with converse(open_connection=server.connect, tools=[stuck]) as conversation:
            conversation.on(RunTool, lambda _: running.set())
            asking = asyncio.ensure_future(conversation.ask("go"))
            await asyncio.wait_for(running.wait(), 5)
        await asyncio.wait([asking], timeout=5)
        assert asking.exception() is not None
    unblock.set()


async def raise_cancelled() -> str:
    raise asyncio.CancelledError


async def raise_timeout() -> str:
    raise TimeoutError("of its own")


def raise_exit() -> str:
    raise SystemExit(3)


def raise_problem() -> str:
    raise ToolProblem("There is no city of that name.")


def raise_value() -> str:
    raise ValueError("the password is hunter2")


async def later() -> str:
    return "later"


def wraps_async() -> Awaitable[str]:
    return later()


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        (raise_cancelled, "The call failed: raise_cancelled was cancelled."),
        (raise_timeout, "The call failed: raise_timeout failed with TimeoutError."),
        (raise_exit, "The call failed: raise_exit failed with RuntimeError."),
        (raise_problem, "The call failed: There is no city of that name."),
        (raise_value, "The call failed: raise_value failed with ValueError."),
        (wraps_async, "later"),
    ],
)
async def test_pain_08_however_a_function_ends_the_model_gets_one_answer(function: Any, answer: str) -> None:
    server = serving(tool_turn(call("call_1", function.__name__, "{}")))
    async with talking(server, tools=[function]) as conversation:
        assert await conversation.ask("go", timeout=5) == "There."
    assert answers(server) == [("call_1", answer)]


async def test_pain_06_an_answer_that_was_on_its_way_when_the_socket_dropped_reaches_the_next_session() -> None:
    steps = tool_turn(call("call_1", "weather", '{"city":"Oslo"}'))
    again = (Expect(name) for name in ("session.update", *["conversation.item.create"] * 3))
    server = serving([*steps[:7], Drop()], [*again, *asks("resp_2", "item_9", "It rains.")])
    async with talking(server, tools=[weather]) as conversation:
        async with conversation.stream(SessionRestored) as notices:
            with pytest.raises(RequestRejected, match="broke off"):
                await conversation.ask("The weather in Oslo?", timeout=5)
            await following(notices)
        await server.played(1)
    assert answers(server, 1) == [("call_1", "Rain in Oslo, 7 celsius")]


async def test_a_call_that_is_sent_while_the_conversation_closes_is_not_run() -> None:
    ran = list[str]()

    def late(city: str) -> str:
        ran.append(city)
        return "too late"

    toolbox = Toolbox(late)
    running = ToolCall(call_id="call_1", response_id="r", name="late", bound=toolbox.bind("late", '{"city":"Oslo"}'))
    reports = list[str]()

    def report(call_id: str, _: object) -> None:
        reports.append(call_id)

    async with no_task_left():
        tools = ToolRunner(timeout=5, answered=report, failed=report)
        tools.start(running)
        await tools.close()
        tools.stop("unknown")
        tools.start(running)
    assert (ran, reports) == ([], [])


async def test_functions_that_were_given_up_and_go_on_count_among_those_that_run() -> None:
    release, started = threading.Event(), threading.Semaphore(0)
    failed: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def endless() -> str:
        started.release()
        release.wait(30)
        return "late"

    toolbox = Toolbox(endless)
    tools = ToolRunner(
        timeout=20, answered=lambda *_: None, failed=lambda call_id, reason: failed.put_nowait((call_id, reason))
    )
    try:
        for number in range(MAX_THREADS):
            tools.start(a_call(toolbox, number))
            assert await asyncio.to_thread(started.acquire, True, 5)
            tools.stop(f"call_{number}")
        tools.start(a_call(toolbox, MAX_THREADS))
        call_id, reason = await asyncio.wait_for(failed.get(), 5)
        assert call_id == f"call_{MAX_THREADS}"
        assert f"{MAX_THREADS} functions run already" in reason
    finally:
        release.set()
        await tools.close()


def a_call(toolbox: Toolbox, number: int) -> ToolCall:
    return ToolCall(call_id=f"call_{number}", response_id="r", name="endless", bound=toolbox.bind("endless", "{}"))
