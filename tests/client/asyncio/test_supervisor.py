"""Known problems of realtime clients that the supervisor solves: expired sessions, dead sockets, closes that hang."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from duologue.client import Connection, connect, converse
from duologue.client.asyncio.managed_connection import OpenConnection
from duologue.errors import (
    ConnectFailed,
    ConnectionClosedError,
    ConnectionClosedOK,
    LocalProtocolError,
    RequestRejected,
)
from duologue.events import RealtimeSessionConfig
from duologue.notices import ConnectionLost, ItemDone, SessionChanged, SessionRestored
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.liveness import RotationLimits
from duologue.testing import Close, Drop, Expect, ScriptedServer, ScriptStep, Send, Stall, Until
from duologue.transports import memory_pair
from tests.client._frames import answer, asks, created, creates_item, error, greeting, replies, serving
from tests.client._waiting import FAST, following, no_task_left, talking

BRIEF = RealtimeSessionConfig(instructions="Be brief.")

ADD_ITEM = creates_item("item_1")
"""The client says something."""


def restored(server: ScriptedServer) -> list[tuple[str, str]]:
    """Items that the second connection got: role and text."""
    items = [event["item"] for event in server.received[1] if event["type"] == "conversation.item.create"]
    return [(item["role"], item["content"][0]["text"]) for item in items]


def opening(server: ScriptedServer, again: Callable[[], Awaitable[object]]) -> OpenConnection:
    """Opens connections to a server; before each but the first it does something else."""
    opened: list[int] = []

    @asynccontextmanager
    async def open_connection() -> AsyncGenerator[Connection, None]:
        opened.append(1)
        if len(opened) > 1:
            await again()
        async with server.connect() as connection:
            yield connection

    return open_connection


@pytest.mark.parametrize("close", [Close(1001, "session_expired"), Close(1011, "keepalive ping timeout"), Drop()])
async def test_pain_05_06_a_session_that_ends_goes_on_in_another_with_its_items_and_configuration(
    close: Close | Drop,
) -> None:
    server = serving(
        [Expect("session.update"), *ADD_ITEM, *asks("resp_1", "item_2", "Seven.", after="item_1"), close],
        [Expect("session.update"), Expect("conversation.item.create")],
    )
    async with talking(server, session=BRIEF) as conversation:
        async with conversation.stream(ConnectionLost, SessionRestored) as notices:
            assert await conversation.ask("How many?", timeout=5) == "Seven."
            lost, back = await following(notices, 2)
        assert isinstance(lost, ConnectionLost)
        assert isinstance(back, SessionRestored)
        assert back.configured
        assert back.item_ids.keys() == {"item_1", "item_2"}
        assert back.not_restored == ()
        await server.played(1)
        await server.wait_for("conversation.item.create", connection=1)
    assert restored(server) == [("user", "How many?"), ("assistant", "Seven.")]
    assert server.received[1][0]["session"]["instructions"] == "Be brief."
    assert all(event["item"]["id"] not in ("item_1", "item_2") for event in server.received[1][1:])


async def test_pain_05_an_expired_session_that_says_so_in_an_error_is_not_the_end() -> None:
    server = serving([Send(error("session_expired", "Your session hit the maximum duration.")), Close(1001)], [])
    async with talking(server) as conversation, conversation.stream(SessionRestored) as notices:
        await following(notices)


async def test_pain_05_the_next_session_is_opened_before_this_one_ends_and_taken_between_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, passed_s = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: clock() + passed_s)
    at = int(time.time()) + 60
    server = ScriptedServer(
        [Send(greeting(expires_at=at)), *ADD_ITEM, *asks("resp_1", "item_2", "Seven.")],
        [Send(greeting("sess_2")), *creates_item("new_1")],
    )
    options = CoreOptions(rotation=RotationLimits(lead_s=3600.0, last_moment_s=0.5))
    async with talking(server, options=options) as conversation:
        assert await conversation.ask("How many?", timeout=5) == "Seven."
        async with conversation.stream(SessionRestored, SessionChanged) as notices:
            passed_s = 31.0  # a session is used for half its time at least
            found = await following(notices, 2)
        assert isinstance(found[0], SessionRestored)
        assert time.time() < at
        await server.wait_for("conversation.item.create", connection=1)
        assert await server.closed() == 1000


async def test_a_connection_that_was_opened_ahead_is_closed_when_the_conversation_ends_before_it_is_needed() -> None:
    ahead = asyncio.Event()
    server = ScriptedServer(
        [Send(greeting(expires_at=int(time.time()) + 2)), Expect("response.create"), Until(ahead), Close(1000, "bye")],
        [Send(greeting("sess_2"))],
    )
    opened = 0

    @asynccontextmanager
    async def opening() -> AsyncGenerator[Connection, None]:
        nonlocal opened
        async with server.connect() as connection:
            opened += 1
            if opened == 2:
                ahead.set()
            yield connection

    # A response that runs keeps the conversation on its first connection.
    options = CoreOptions(rotation=RotationLimits(lead_s=3600.0, last_moment_s=0.0))
    async with no_task_left(), converse(open_connection=opening, options=options) as conversation:
        with pytest.raises(RequestRejected):
            await conversation.respond(timeout=5)
        assert await server.closed(1) == 1000


async def test_pain_06_consumers_are_notified_of_a_drop_in_the_middle_of_a_response_and_go_on_afterwards() -> None:
    server = serving(
        [Expect("response.create"), *map(Send, answer("resp_1", "item_1", "I was goi")[:3]), Drop()],
        asks("resp_2", "item_2", "Going."),
    )
    async with talking(server) as conversation:
        said: list[str] = []

        async def read() -> None:
            async for delta in conversation.texts():
                said.append(delta.delta)  # noqa: PERF401 - what came before the cancellation counts

        reading = asyncio.ensure_future(read())
        async with conversation.stream(SessionRestored) as notices:
            with pytest.raises(RequestRejected):
                await conversation.respond(timeout=5)
            [notice] = await following(notices)
        assert [missing.reason for missing in notice.not_restored] == ["it was not finished"]
        await conversation.respond(timeout=5)
        assert said == ["I was goi", "Going."]
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_pain_06_audio_is_dropped_and_commands_are_refused_while_there_is_no_connection() -> None:
    back = asyncio.Event()
    server = ScriptedServer([Send(greeting()), Drop()], [Until(back), Send(greeting("sess_2"))])
    async with talking(server) as conversation:
        async with conversation.stream(ConnectionLost, SessionRestored) as notices:
            await following(notices)
            assert not await conversation.send_audio(bytes(4800))
            await conversation.interrupt()
            with pytest.raises(LocalProtocolError, match="the connection is lost"):
                await conversation.send_text("hello?")
            await conversation.update_session(BRIEF)
            back.set()
            await following(notices)
        assert await conversation.send_audio(bytes(4800))
        await server.wait_for("session.update", connection=1)
    assert server.types(1) == ["session.update"]


async def test_pain_06_what_was_said_and_never_confirmed_is_said_again() -> None:
    server = serving([Expect("conversation.item.create"), Drop()], creates_item("item_9"))
    async with talking(server) as conversation:
        async with conversation.stream(ItemDone) as items:
            await conversation.send_text("Can you hear me?")
            [notice] = await following(items)
        assert notice.item.text == "Can you hear me?"
        assert [item.text for item in conversation.items] == ["Can you hear me?"]


async def test_pain_06_a_server_that_greets_and_hangs_up_is_not_asked_again_for_ever() -> None:
    policy = ReconnectPolicy(first_delay_s=0.01, max_delay_s=0.02, max_attempts=4)
    refusing: list[ScriptStep] = [Send(greeting()), Close(1011, "no")]
    server = ScriptedServer(*[refusing] * 20)
    async with talking(server, reconnect=policy) as conversation:
        with pytest.raises(ConnectionClosedError, match="1011"):
            async with asyncio.timeout(5), conversation.stream(ItemDone) as notices:
                await following(notices)
        with pytest.raises(ConnectionClosedError):
            await conversation.respond()
    assert len(server.received) == 5


async def test_pain_06_a_server_that_is_gone_for_good_ends_the_conversation() -> None:
    tries: list[int] = []

    async def fail() -> None:
        tries.append(1)
        raise ConnectFailed("no answer", retryable=True)

    policy = ReconnectPolicy(first_delay_s=0.01, max_delay_s=0.02, max_attempts=3)
    async with (
        no_task_left(),
        converse(open_connection=opening(serving([Drop()]), fail), reconnect=policy) as conversation,
        conversation.stream(ItemDone) as notices,
    ):
        with pytest.raises(ConnectionClosedError, match="1006"):
            await following(notices)
    assert len(tries) == 3


async def test_pain_06_an_agreed_end_is_one() -> None:
    server = serving([Close(1000, "bye")])
    async with talking(server) as conversation:
        async with conversation.stream(ItemDone) as notices:
            assert await following(notices) == []
        with pytest.raises(ConnectionClosedOK):
            await conversation.send_text("one more thing")


async def test_pain_07_a_socket_that_is_open_and_dead_is_found_and_replaced() -> None:
    server = serving([Stall()], [])
    async with no_task_left(), server.listening() as url:
        connecting = converse(url, reconnect=FAST, ping_interval=0.2, ping_timeout=0.2)
        async with connecting as conversation, conversation.stream(ConnectionLost, SessionRestored) as notices:
            lost, _ = await following(notices, 2)
            assert isinstance(lost, ConnectionLost)
            assert "silent" in lost.reason


async def test_pain_24_leaving_ends_everything_that_waits_and_leaves_no_task() -> None:
    server = serving(replies("response.create", created("resp_1")))
    async with no_task_left():
        async with converse(open_connection=server.connect) as conversation:
            waiting = [
                asyncio.ensure_future(conversation.respond()),
                asyncio.ensure_future(conversation.ask("and?")),
                asyncio.ensure_future(anext(conversation.audio())),
                asyncio.ensure_future(anext(conversation.texts())),
            ]
            await server.wait_for("response.create")
        _, unfinished = await asyncio.wait(waiting, timeout=5)
        assert not unfinished
        ends = [type(task.exception()) for task in waiting]
        assert ends == [RequestRejected, RequestRejected, StopAsyncIteration, StopAsyncIteration]


async def test_pain_24_leaving_in_the_middle_of_a_reconnect_is_quick() -> None:
    server = serving([Drop()])
    slow = ReconnectPolicy(first_delay_s=3600.0, max_delay_s=3600.0)
    async with talking(server, reconnect=slow) as conversation, conversation.stream(ConnectionLost) as notices:
        await following(notices)


async def test_pain_24_leaving_while_the_next_connection_is_being_opened_is_quick() -> None:
    opening_again = asyncio.Event()

    async def wait() -> None:
        opening_again.set()
        await asyncio.Event().wait()

    async with no_task_left(), converse(open_connection=opening(serving([Drop()]), wait), reconnect=FAST):
        await asyncio.wait_for(opening_again.wait(), 5)


@pytest.mark.parametrize("fault", [ValueError("mine"), asyncio.CancelledError(), KeyboardInterrupt()])
async def test_pain_24_what_the_block_raises_comes_out_as_it_is(fault: BaseException) -> None:
    server = serving([Expect("response.create")])

    async def hold() -> None:
        async with talking(server) as conversation:
            waiting = asyncio.ensure_future(conversation.respond())
            await server.wait_for("response.create")
            try:
                raise fault
            finally:
                waiting.cancel()

    with pytest.raises(type(fault)) as caught:
        await hold()
    assert caught.value is fault
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_pain_24_a_server_that_reads_nothing_is_left_in_time() -> None:
    server = serving([Stall()])
    started = time.monotonic()
    async with talking(server) as conversation:

        async def speak_without_end() -> None:
            while True:
                await conversation.send_audio(bytes(4800))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(speak_without_end(), 0.3)
    assert time.monotonic() - started < 8


async def test_pain_24_a_verb_that_is_cancelled_while_the_server_is_slow_has_sent_nothing() -> None:
    near, far = memory_pair(capacity=4)
    await far.send(json.dumps(greeting()))
    said = 0

    def text(message: str | bytes) -> str:
        return str(json.loads(message)["item"]["content"][0]["text"])

    async with no_task_left(), converse(open_connection=lambda: connect(transport=near)) as conversation:

        async def say_without_end() -> None:
            nonlocal said
            while True:
                await conversation.send_text(str(said))
                said += 1

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(say_without_end(), 1)
        assert [text(await far.receive()) for _ in range(said)] == [str(number) for number in range(said)]
        await conversation.send_text("after all")
        assert text(await far.receive()) == "after all"


@asynccontextmanager
async def never_open() -> AsyncGenerator[Connection, None]:
    await asyncio.Event().wait()
    yield Connection(None)  # type: ignore[arg-type]  # never reached


@pytest.mark.parametrize("opening", [never_open, ScriptedServer([Expect("session.update")]).connect])
async def test_pain_24_a_conversation_cancelled_before_its_server_greets_leaves_nothing_behind(
    opening: OpenConnection,
) -> None:
    async with no_task_left():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), converse(open_connection=opening):
                pass


async def test_pain_25_neither_words_nor_audio_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = serving([*ADD_ITEM, *asks("resp_1", "item_2", "xyzzy"), Drop()], [])
    with caplog.at_level(logging.DEBUG):
        async with talking(server) as conversation, conversation.stream(SessionRestored) as notices:
            await conversation.ask("plugh", timeout=5)
            await following(notices)
    assert not any(word in json.dumps(caplog.messages) for word in ("xyzzy", "plugh"))
