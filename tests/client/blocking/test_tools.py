"""Functions that the model calls, run by the blocking client."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from duologue import blocking
from duologue.client.blocking import conversation as blocking_conversation
from duologue.testing import Expect, ScriptedServer, Send
from tests.client._frames import answer, call, calling, greeting, taken
from tests.client._threads import in_a_thread, join_all, no_thread_left, talking


def tooled(*calls: dict[str, Any]) -> ScriptedServer:
    """A server that calls functions, waits for as many answers and then says so."""
    return ScriptedServer(
        [
            Send(greeting()),
            Expect("session.update"),
            Expect("conversation.item.create"),
            Send(*taken("item_1")),
            Expect("response.create"),
            Send(*calling("resp_1", *calls)),
            *(
                step
                for n, _ in enumerate(calls)
                for step in (Expect("conversation.item.create"), Send(*taken(f"o{n}")))
            ),
            Expect("response.create"),
            Send(*answer("resp_2", "item_9", "Done.")),
        ]
    )


def outputs(server: ScriptedServer) -> list[str]:
    """The answers that the model got to its calls, in order."""
    created = [event["item"] for event in server.received[0] if event["type"] == "conversation.item.create"]
    return [item["output"] for item in created if item["type"] == "function_call_output"]


def test_pain_08_functions_run_in_threads_async_ones_too_and_the_model_goes_on_with_their_answers() -> None:
    ran_in: list[str] = []
    both = threading.Barrier(2)

    def weather(city: str) -> dict[str, str]:
        ran_in.append(threading.current_thread().name)
        both.wait(5)
        return {"city": city}

    async def clock(zone: str) -> str:
        await asyncio.to_thread(both.wait, 5)
        return f"noon in {zone}"

    def broken() -> str:
        raise ZeroDivisionError("a secret")

    server = tooled(
        call("c1", "weather", '{"city":"Bern"}'), call("c2", "clock", '{"zone":"UTC"}'), call("c3", "broken", "{}")
    )
    with talking(server, tools=[weather, clock, broken]) as conversation:
        assert conversation.ask("Go.", timeout=5) == "Done."
    assert outputs(server) == [
        '{"city":"Bern"}',
        "noon in UTC",
        "The call failed: broken failed with ZeroDivisionError.",
    ]
    assert ran_in == ["duologue-tool-weather"]


def test_a_function_in_a_thread_may_use_the_conversation_and_one_on_the_event_loop_is_refused() -> None:
    conversations: list[blocking.BlockingConversation] = []

    def look_up() -> str:
        return f"{len(conversations[0].items)} items"

    async def look_up_on_the_loop() -> str:
        try:
            conversations[0].cancel()
        except RuntimeError as refused:
            return str(refused)
        return "it waited for itself"

    server = tooled(call("c1", "look_up", "{}"), call("c2", "look_up_on_the_loop", "{}"))
    with talking(server, tools=[look_up, look_up_on_the_loop]) as conversation:
        conversations.append(conversation)
        assert conversation.ask("Go.", timeout=5) == "Done."
    assert outputs(server)[0] == "3 items"
    assert "asyncio.to_thread" in outputs(server)[1]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_pain_08_a_function_that_takes_too_long_is_given_up_and_the_model_gets_an_answer(kind: str) -> None:
    release = threading.Event()
    cancelled = threading.Event()

    def sync_slow() -> str:
        release.wait(10)
        return "too late"

    async def async_slow() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return "never"

    server = tooled(call("c1", f"{kind}_slow", "{}"))
    with talking(server, tools=[sync_slow, async_slow], tool_timeout=0.1) as conversation:
        assert conversation.ask("Go.", timeout=5) == "Done."
        release.set()
        assert kind == "sync" or cancelled.wait(5)
        join_all("duologue-tool")
    assert outputs(server) == [f"The call failed: {kind}_slow took longer than 0.1 s and was given up."]


def test_pain_08_an_interruption_gives_up_the_functions_that_run() -> None:
    started, cancelled = threading.Event(), threading.Event()

    async def slow() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return "never"

    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("session.update"),
            Expect("response.create"),
            Send(*calling("resp_1", call("c1", "slow", "{}"))),
            Expect("conversation.item.create"),
        ]
    )
    with talking(server, tools=[slow]) as conversation:
        conversation.respond(timeout=5)
        assert started.wait(5)
        conversation.interrupt()
        assert cancelled.wait(5)
    assert outputs(server) == ["The call was cancelled: the user interrupted."]


def test_pain_24_a_function_that_cannot_be_stopped_does_not_keep_the_block_from_being_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(blocking_conversation, "_STOP_S", 0.05)
    started, release = threading.Event(), threading.Event()

    def stubborn() -> str:
        started.set()
        release.wait(10)
        return "too late"

    server = ScriptedServer(
        [Send(greeting()), Expect("session.update"), Expect("response.create"),
         Send(*calling("resp_1", call("c1", "stubborn", "{}")))]
    )  # fmt: skip
    with in_a_thread(server.listening) as url, no_thread_left():
        with blocking.converse(url, tools=[stubborn]) as conversation:
            conversation.respond(timeout=5)
            assert started.wait(5)
        assert "stubborn goes on" in caplog.text
        release.set()
        join_all("duologue-tool")
