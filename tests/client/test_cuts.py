"""A whole session, cut at each of its messages: nothing hangs, nothing confirmed is lost, nothing is left running."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest

from duologue.audio.formats import PCM
from duologue.client import Connection, Conversation, Endpoint, connect, converse
from duologue.client.asyncio.connect import open_endpoint
from duologue.client.asyncio.managed_connection import OpenConnection
from duologue.errors import ConnectionClosed, LocalProtocolError, RequestRejected
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioTranscription,
    FunctionCallOutputItem,
    RealtimeSessionConfig,
)
from duologue.notices import ConnectionLost, RunTool, SessionRestored
from duologue.server import RealtimeApp, ServerSession
from duologue.testing import scripted_app_engines, scripted_engines
from duologue.transports import Transport, memory_pair
from duologue.transports.websocket import WebSocketTransport
from tests.client._cutting import CuttingTransport
from tests.client._frames import Json, added, answer, call, calling, done, greeting, updated
from tests.client._waiting import FAST, no_task_left
from tests.server._engines import LOUD
from tests.server._listening import listening

CONFIG = RealtimeSessionConfig(
    output_modalities=["audio"],
    audio=AudioConfig(input=AudioInputConfig(turn_detection=None, transcription=AudioTranscription(model="scripted"))),
)
GONE_WITH_ITS_SESSION = ("it was not finished", "it was spoken, and there is no transcript")
TRIES = 5

PendingConnection = Callable[[int | None], AbstractAsyncContextManager[Connection]]
"""Opens a connection that breaks off after so many messages, or does not."""


class Account:
    """What a conversation has got for certain, and whether it still has it."""

    def __init__(self, conversation: Conversation) -> None:
        self.losses = 0
        self._unexcused: list[str] = []
        self._conversation = conversation
        self._confirmed: dict[str, str] = {}
        self._kept: Counter[str] = Counter()
        conversation.on(ConnectionLost, self._lost)
        conversation.on(SessionRestored, self._restored)

    def _lost(self, _: ConnectionLost) -> None:
        self.losses += 1
        self._confirmed = {item.item_id: item.text for item in self._conversation.items if item.done}

    def _restored(self, restored: SessionRestored) -> None:
        excused = {missing.item_id: missing.reason for missing in restored.not_restored}
        kept: Counter[str] = Counter()
        for item_id, text in self._confirmed.items():
            if item_id in restored.item_ids:
                kept[text] += 1
            elif excused.get(item_id) not in GONE_WITH_ITS_SESSION or text:
                self._unexcused.append(f"{item_id} with {text!r}: {excused.get(item_id, 'no reason')}")
        self._kept |= kept

    def check(self) -> None:
        """Everything that was confirmed is in the conversation. Here, for what a callback raises is only logged."""
        assert self._unexcused == []
        assert Counter(item.text for item in self._conversation.items) >= self._kept


async def until_done(conversation: Conversation, work: Callable[[], Awaitable[object]]) -> None:
    """Do it, again if a lost connection is in the way."""
    for _ in range(TRIES):
        async with conversation.stream(SessionRestored) as restored:
            try:
                async with asyncio.timeout(5):
                    await work()
                return
            except (RequestRejected, LocalProtocolError):
                if not conversation.core.is_open:
                    async with asyncio.timeout(5):
                        await anext(aiter(restored))
    raise AssertionError("it does not succeed")


async def hold(conversation: Conversation) -> None:
    """A typed question, a spoken one, and another typed one."""

    async def speak() -> None:
        await conversation.send_audio(LOUD * 300, encoding=PCM)
        await conversation.commit()
        await conversation.respond()

    await until_done(conversation, lambda: conversation.ask("What is seven times eight?"))
    await until_done(conversation, speak)
    await until_done(conversation, lambda: conversation.ask("And nine times eight?"))


def cut(opening: PendingConnection, *cuts: int) -> OpenConnection:
    """Opens one connection after the other, cut after so many messages each; later ones are not cut."""
    left = iter(cuts)
    return lambda: opening(next(left, None))


async def run(opening: PendingConnection, *cuts: int) -> int:
    """One session, its connections cut after so many messages each; returns how often it was."""
    connecting = converse(open_connection=cut(opening, *cuts), session=CONFIG, reconnect=FAST)
    async with no_task_left(), connecting as conversation:
        account = Account(conversation)
        await hold(conversation)
        account.check()
    return account.losses


class InMemory:
    """Opens sessions without a socket. `passed` counts the messages of each."""

    def __init__(self, serve: Callable[[Transport, int], Coroutine[Any, Any, None]]) -> None:
        self.passed: list[int] = []
        self._serve = serve

    @asynccontextmanager
    async def __call__(self, after: int | None) -> AsyncGenerator[Connection, None]:
        near, far = memory_pair()
        index = len(self.passed)
        self.passed.append(0)
        serving = asyncio.ensure_future(self._serve(far, index))
        transport = CuttingTransport(near, after=after, break_off=lambda: far.close(1006))
        try:
            async with connect(transport=transport) as connection:
                yield connection
        finally:
            await far.close()
            await asyncio.wait([serving], timeout=5)
            self.passed[index] = transport.passed


async def serve_ours(transport: Transport, _: int) -> None:
    """Our own server."""
    engines = scripted_engines(responses=["Fifty-six."], transcripts=["How much?"])
    await ServerSession(transport, engines).run()


async def count_messages() -> int:
    """How many messages the session has when nothing is cut."""
    sessions = InMemory(serve_ours)
    assert await run(sessions) == 0
    return sessions.passed[0]


async def test_a_session_in_memory_survives_a_cut_at_each_of_its_messages() -> None:
    messages = await count_messages()
    assert messages > 60
    losses = [await run(InMemory(serve_ours), after) for after in range(messages)]
    # A cut at the last messages may come when all is said.
    assert losses[: messages - 2] == [1] * (messages - 2)


@pytest.mark.parametrize("second", [0, 1, 2, 3, 5, 8])
async def test_a_session_survives_another_cut_while_it_is_being_restored(second: int) -> None:
    messages = await count_messages()
    for after in range(1, messages - 2, 7):
        assert await run(InMemory(serve_ours), after, second) == 2


async def test_a_session_over_tcp_survives_an_abort_at_each_of_its_messages() -> None:
    messages = await count_messages()
    async with listening(RealtimeApp(engines=scripted_app_engines())) as url:

        @asynccontextmanager
        async def over_tcp(after: int | None) -> AsyncGenerator[Connection, None]:
            transport = await open_endpoint(Endpoint(url=url))
            assert isinstance(transport, WebSocketTransport)
            socket = transport._socket

            async def abort() -> None:
                socket.transport.abort()

            async with connect(transport=CuttingTransport(transport, after=after, break_off=abort)) as connection:
                yield connection

        losses = [await run(over_tcp, after) for after in range(messages)]
    assert losses[: messages - 2] == [1] * (messages - 2)


# --- a turn with a function call, which our server's responder cannot make --------------------------------------------


async def serve_calls(transport: Transport, session: int) -> None:
    """A server whose model calls a function for each question, and says what that returned."""
    sent = 0

    async def send(*frames: Json) -> None:
        nonlocal sent
        for frame in frames:
            sent += 1
            await transport.send(json.dumps({"event_id": f"event_{sent}", **frame}))

    last: Json = {}
    items = responses = 0
    await send(greeting(f"sess_{session}"))
    with suppress(ConnectionClosed):
        while True:
            event = json.loads(await transport.receive())
            match event["type"]:
                case "session.update":
                    await send(updated())
                case "conversation.item.create":
                    items += 1
                    last = {"id": f"item_{session}_{items}", "status": "completed", **event["item"]}
                    await send(added(last), done(last))
                case "response.create":
                    responses += 1
                    name, by_type = f"resp_{session}_{responses}", {"response.create": event}
                    if last.get("type") == "function_call_output":
                        frames = answer(name, f"item_{name}", f"That makes {last['output']}.")
                    else:
                        frames = calling(name, call(f"call_{name}", "double", '{"number":4}'))
                    await send(*(frame(by_type) if callable(frame) else frame for frame in frames))
                case _:
                    pass


async def run_calls(opening: PendingConnection, *cuts: int) -> list[int]:
    """A question that takes a function call; returns what the function was called with."""
    called: list[int] = []

    def double(number: int) -> int:
        called.append(number)
        return 2 * number

    connecting = converse(open_connection=cut(opening, *cuts), tools=[double], reconnect=FAST)
    async with no_task_left(), connecting as conversation:
        account = Account(conversation)
        ran: list[str] = []
        conversation.on(RunTool, lambda notice: ran.append(notice.call.call_id))

        async def ask() -> None:
            assert await conversation.ask("Twice four?") == "That makes 8."

        await until_done(conversation, ask)
        account.check()
        assert len(ran) == len(set(ran)) == len(called)
        outputs = [item.item for item in conversation.items]
        answered = [item.call_id for item in outputs if isinstance(item, FunctionCallOutputItem)]
        assert len(answered) == len(set(answered))
    return called


async def test_a_turn_with_a_function_call_survives_a_cut_or_two_at_each_of_its_messages() -> None:
    whole = InMemory(serve_calls)
    assert await run_calls(whole) == [4]
    messages = whole.passed[0]
    assert messages > 20
    pairs = [(first, second) for first in range(0, messages, 3) for second in range(0, messages, 5)]
    for cuts in (*((after,) for after in range(messages)), *pairs):
        assert set(await run_calls(InMemory(serve_calls), *cuts)) == {4}
