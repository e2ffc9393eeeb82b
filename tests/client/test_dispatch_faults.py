"""Whatever fails between the socket and the application, nothing that waits for the conversation waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.client import Connection, Conversation, converse
from duologue.errors import ConnectionClosed, DuologueError, RequestRejected
from duologue.events import (
    InputAudioBufferClearEvent,
    RealtimeSessionConfig,
    ResponseCreateEvent,
    ResponseCreateParams,
)
from duologue.notices import RequestEnded, TextDelta
from duologue.testing import Drop, Expect, ScriptedServer, Send, Until
from tests.client._frames import asks, call, creates_item, greeting, replies, serving, tool_turn, updated
from tests.client._waiting import FAST, no_task_left, talking

ANY_EVENT = {"type": "input_audio_buffer.cleared"}


class Fault(Exception):
    """A fault that a test injects."""


def broken(*_: Any, **__: Any) -> Any:
    raise Fault("a fault in the dispatch")


async def everything_ends(conversation: Conversation, server: ScriptedServer, break_it: Callable[[], object]) -> None:
    """Everything that can wait for a conversation waits, then something breaks: each has an error within seconds."""

    async def read() -> None:
        async with conversation.stream(TextDelta) as texts:
            await texts.receive()

    waits = [
        conversation.ask("hello"),
        conversation.ask("and hello again"),
        conversation.respond(),
        conversation.update_session(RealtimeSessionConfig(instructions="Be brief."), timeout=60),
        read(),
    ]
    waiting = [asyncio.ensure_future(each) for each in waits]
    await server.wait_for("session.update")
    break_it()
    try:
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    finally:
        for each in waiting:
            each.cancel()
    assert all(isinstance(outcome, DuologueError) for outcome in outcomes), outcomes
    for verb in (conversation.drain(), conversation.restored(timeout=5), conversation.send_text("late")):
        with pytest.raises(ConnectionClosed, match="a fault in the dispatch"):
            await verb


def silent_then(trigger: asyncio.Event) -> ScriptedServer:
    """A server that answers nothing, and sends an event when the test says so."""
    asked = [Expect(name) for name in ("conversation.item.create", "response.create", "session.update")]
    return ScriptedServer([Send(greeting()), *asked, Until(trigger), Send(ANY_EVENT)])


@pytest.mark.parametrize("place", ["receive", "take_notices", "take_events"])
async def test_a_fault_in_the_core_while_an_event_is_read(
    place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trigger = asyncio.Event()
    server = silent_then(trigger)
    async with talking(server) as conversation:

        def break_it() -> None:
            if place == "take_events":  # it is not called where nothing is to be sent
                conversation.core.send(InputAudioBufferClearEvent(), now=0.0)
            monkeypatch.setattr(conversation.core, place, broken)
            trigger.set()

        await everything_ends(conversation, server, break_it)
    assert "the conversation broke" in caplog.text


async def test_a_fault_in_the_core_even_when_it_is_told_of_the_loss(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trigger = asyncio.Event()
    server = silent_then(trigger)
    async with talking(server) as conversation:

        def break_it() -> None:
            monkeypatch.setattr(conversation.core, "receive", broken)
            monkeypatch.setattr(conversation.core, "lost", broken)
            trigger.set()

        await everything_ends(conversation, server, break_it)
    assert "the conversation cannot be ended as usual" in caplog.text


async def test_a_fault_in_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = asyncio.Event()
    server = silent_then(trigger)
    async with talking(server) as conversation:

        def break_it() -> None:
            monkeypatch.setattr(type(conversation.core), "next_tick_at", property(lambda _: 0.0))
            monkeypatch.setattr(conversation.core, "tick", broken)
            trigger.set()

        await everything_ends(conversation, server, break_it)


async def test_a_fault_in_a_part_that_an_event_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = asyncio.Event()
    server = silent_then(trigger)
    async with talking(server) as conversation:

        def break_it() -> None:
            monkeypatch.setattr("duologue.client.asyncio.outcomes.Outcomes.log", broken)
            trigger.set()

        await everything_ends(conversation, server, break_it)


async def test_a_fault_in_a_verb_that_loses_what_others_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = asyncio.Event()
    server = silent_then(trigger)
    async with talking(server) as conversation:

        def break_it() -> None:
            monkeypatch.setattr("duologue.client.asyncio.outcomes.Outcomes.log", broken)
            asyncio.ensure_future(conversation.cancel()).add_done_callback(lambda done: done.exception())

        await everything_ends(conversation, server, break_it)
        trigger.set()


async def test_a_fault_when_a_function_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    def weather() -> str:
        """The weather."""
        return "rain"

    server = serving(tool_turn(call("call_1", "weather", "{}"))[:6])
    async with talking(server, tools=[weather]) as conversation:
        monkeypatch.setattr(conversation.core, "tool_answered", broken)
        async with asyncio.timeout(5):
            with pytest.raises(DuologueError, match="a fault in the dispatch"):
                await conversation.ask("The weather?")


async def test_a_fault_in_the_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = asyncio.Event()
    server = silent_then(trigger)
    async with talking(server, reconnect=None) as conversation:

        def break_it() -> None:
            monkeypatch.setattr("duologue.client.asyncio.connection.ClientProtocol.receive", broken)
            monkeypatch.setattr("duologue.client.asyncio.supervisor._can_reconnect", lambda _: False)
            trigger.set()

        await everything_ends(conversation, server, break_it)


async def test_the_reader_is_cancelled_by_others() -> None:
    trigger = asyncio.Event()
    server = silent_then(trigger)
    async with no_task_left(), talking(server) as conversation:
        before = {task for task in asyncio.all_tasks() if "ConnectionSupervisor._run" in str(task.get_coro())}

        def break_it() -> None:
            for task in before:
                task.cancel("a fault in the dispatch")

        await everything_ends(conversation, server, break_it)
        trigger.set()


async def test_opening_another_connection_fails_in_an_unforeseen_way() -> None:
    server = ScriptedServer([Send(greeting()), Expect("conversation.item.create"), Drop()])
    opened: list[int] = []

    @asynccontextmanager
    async def open_connection() -> AsyncGenerator[Connection, None]:
        opened.append(1)
        if len(opened) > 1:
            raise Fault("a fault in the dispatch")
        async with server.connect() as connection:
            yield connection

    async with no_task_left(), converse(open_connection=open_connection, reconnect=FAST) as conversation:
        await conversation.send_text("hello")
        async with conversation.stream(TextDelta) as texts, asyncio.timeout(5):
            with pytest.raises(ConnectionClosed, match="a fault in the dispatch"):
                await texts.receive()


async def test_a_request_that_cannot_be_written_ends_at_once_with_its_own_error() -> None:
    wrong: Any = object()
    event = ResponseCreateEvent(response=ResponseCreateParams(instructions=wrong))
    server = serving([*creates_item("item_1"), *asks("r1", "i1", "Yes.")])
    async with talking(server) as conversation:
        async with asyncio.timeout(5):
            with pytest.raises(RequestRejected, match=r"this response\.create cannot be sent: object is not JSON"):
                await conversation.respond(event)
            with pytest.raises(RequestRejected, match="object is not JSON"):
                await conversation.update_session(RealtimeSessionConfig(instructions=wrong))
        assert await conversation.ask("Well?", timeout=5) == "Yes."


async def test_a_fault_in_a_stream_of_the_conversation_s_own_ends_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    server = serving([*replies("session.update", updated()), *creates_item("item_1"), *asks("r1", "i1", "Yes.")])
    async with talking(server, session=RealtimeSessionConfig()) as conversation:
        put = conversation.attach

        def attach(sink: Any) -> None:
            original = sink.put

            def fail(notice: object) -> None:
                original(notice) if not isinstance(notice, RequestEnded) else broken()

            sink.put = fail
            put(sink)

        monkeypatch.setattr(conversation, "attach", attach)
        answer = await conversation.ask("Well?", timeout=5)
        assert answer == "Yes."  # the end of its request came on another way
