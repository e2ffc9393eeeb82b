"""Functions that the model calls, run by the blocking client."""

from __future__ import annotations

import asyncio
import threading

import pytest

from duologue import blocking
from duologue.client.blocking import notice_delivery
from duologue.testing import Expect
from tests.client._frames import answers, asks, call, calling, creates_item, replies, serving, tool_turn, updated
from tests.client._threads import in_a_thread, join_all, no_thread_left, talking


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

    calls = call("c1", "weather", '{"city":"Bern"}'), call("c2", "clock", '{"zone":"UTC"}'), call("c3", "broken", "{}")
    server = serving(tool_turn(*calls))
    with talking(server, tools=[weather, clock, broken]) as conversation:
        assert conversation.ask("Go.", timeout=5) == "There."
    assert answers(server) == [
        ("c1", '{"city":"Bern"}'),
        ("c2", "noon in UTC"),
        ("c3", "The call failed: broken failed with ZeroDivisionError."),
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

    server = serving(tool_turn(call("c1", "look_up", "{}"), call("c2", "look_up_on_the_loop", "{}")))
    with talking(server, tools=[look_up, look_up_on_the_loop]) as conversation:
        conversations.append(conversation)
        assert conversation.ask("Go.", timeout=5) == "There."
    (_, items), (_, refused) = answers(server)
    assert items == "3 items"
    assert "asyncio.to_thread" in refused


def test_pain_24_a_function_that_cannot_be_stopped_does_not_keep_the_block_from_being_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notice_delivery, "_STOP_S", 0.05)
    started, release = threading.Event(), threading.Event()

    def stubborn() -> str:
        started.set()
        release.wait(10)
        return "too late"

    server = serving(
        [Expect("session.update"), *replies("response.create", *calling("resp_1", call("c1", "stubborn", "{}")))]
    )
    with in_a_thread(server.listening) as url, no_thread_left():
        with blocking.converse(url, tools=[stubborn]) as conversation:
            conversation.respond(timeout=5)
            assert started.wait(5)
        assert "stubborn goes on" in caplog.text
        release.set()
        join_all("duologue-tool")


def test_a_function_in_a_thread_may_ask_while_the_answer_waits_for_it() -> None:
    conversations: list[blocking.BlockingConversation] = []

    def second_opinion() -> str:
        return conversations[0].ask("What would you say?", timeout=5)

    server = serving(
        [
            *replies("session.update", updated()),
            *creates_item("item_1"),
            *replies("response.create", *calling("resp_1", call("c1", "second_opinion", "{}"))),
            *creates_item("item_2"),
            *asks("resp_2", "item_3", "Perhaps."),
            *creates_item("item_4"),
            *asks("resp_3", "item_5", "Perhaps, says the other."),
        ]
    )
    with talking(server, tools=[second_opinion]) as conversation:
        conversations.append(conversation)
        assert conversation.ask("Well?", timeout=5) == "Perhaps, says the other."
    assert answers(server) == [("c1", "Perhaps.")]
