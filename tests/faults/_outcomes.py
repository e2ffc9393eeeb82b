"""What comes of a call to whose connection a fault comes, over memory and in time that passes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import duologue
from duologue.client import Connection, Conversation
from duologue.client.live.connection import LiveConnection
from duologue.client.live.opening import LiveTarget
from duologue.errors import ConnectFailed, ConnectionClosed, RequestRejected, SessionLost
from duologue.events import ErrorEvent, InputAudioBufferAppendEvent
from duologue.faults import FaultPlan
from duologue.notices import SessionRestored
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from duologue.testing.served import AppInMemory
from tests.client._waiting import FAST
from tests.server._engines import LOUD, QUIET

__all__ = ["BOUND_S", "asked_twice", "heard_by_neighbour", "opening_live", "serving", "talked", "told_live"]

BOUND_S = 120.0
"""Of the loop's time. The longest limit that a client promises is a minute of silence about an open response."""


@asynccontextmanager
async def serving(fault: str) -> AsyncGenerator[AppInMemory, None]:
    """Our server, with a fault on the way to it; afterwards no task is left."""
    before = asyncio.all_tasks()
    plan = FaultPlan(fault, seed=7)
    memory = AppInMemory(RealtimeApp(engines=scripted_app_engines()), faults=plan)
    try:
        yield memory
    finally:
        memory.tap.close()
    assert plan.fired, "the fault did not come"
    assert asyncio.all_tasks() == before


async def asked_twice(**place: Any) -> tuple[str, ...]:
    """A conversation in which two things are asked: what came of each, and "restored" where it had to reconnect.

    `place` are keywords of `converse`.
    """
    outcomes: list[str] = []
    try:
        async with (
            asyncio.timeout(BOUND_S),
            duologue.converse(**place, reconnect=FAST) as conversation,
        ):
            conversation.on(SessionRestored, lambda _: outcomes.append("restored"))
            outcomes += [await _asked(conversation, "One?")]
            outcomes += [await _asked(conversation, "Two?")]
    except ConnectFailed as refused:
        outcomes.append(f"{type(refused).__name__} {refused.status or ''}".strip())
    return tuple(outcomes)


async def _asked(conversation: Conversation, question: str) -> str:
    try:
        answer = await conversation.ask(question)
        return answer.status if answer.text else "empty"
    except RequestRejected:
        try:
            await conversation.restored(timeout=60)
        except ConnectionClosed as closed:
            return f"closed {closed.code}"
        return "rejected"
    except ConnectionClosed as closed:
        return f"closed {closed.code}"


async def told_live(**place: Any) -> str:
    """A Live session: three seconds are spoken, then it is muted. "done": to its end as agreed.

    `place` are keywords of `live`.
    """
    try:
        async with (
            asyncio.timeout(BOUND_S),
            duologue.live(model="gpt-live-1", **place) as session,
        ):
            try:
                for number in range(30):
                    await session.send_audio((LOUD if number < 5 else QUIET) * 100)
                    await asyncio.sleep(0.1)
                await session.mute(timeout=10)
                outcome = "done"
            except SessionLost as lost:
                outcome = f"lost {lost.code}"
            except ConnectionClosed as closed:
                outcome = f"closed {closed.code}"
            except RequestRejected:
                outcome = "rejected"
            except TimeoutError:
                outcome = "not answered"
        assert session.outcome is not None
        return outcome if session.outcome.finalised or "lost" in outcome else f"{outcome}, not finalised"
    except ConnectFailed as refused:
        return f"{type(refused).__name__} {refused.status or ''}".strip()


def opening_live(memory: AppInMemory) -> Callable[[LiveTarget], AbstractAsyncContextManager[LiveConnection]]:
    """What opens a Live session in memory, for `live(open_connection=…)`."""

    @asynccontextmanager
    async def opening(target: LiveTarget) -> AsyncGenerator[LiveConnection, None]:
        async with memory.transport(path="/v1/live/sessions") as transport:
            connection = LiveConnection(transport, dialect=target.dialect)
            try:
                yield connection
            finally:
                await connection.close()

    return opening


async def talked(memory: AppInMemory) -> tuple[str, ...]:
    """A client that speaks to the server: the errors that it gets, and what came of its turn."""
    outcomes: list[str] = []
    async with memory.connect() as connection:
        speaking = asyncio.ensure_future(_speak(connection))
        try:
            async with asyncio.timeout(20):
                outcomes.append(await _heard(connection, outcomes))
        except TimeoutError:
            outcomes.append("silence")
        except ConnectionClosed as closed:
            outcomes.append(f"closed {closed.code}")
        await asyncio.wait([speaking])
        if (fault := speaking.exception()) is not None:
            assert isinstance(fault, ConnectionClosed)
    return tuple(dict.fromkeys(outcomes))


async def _heard(connection: Connection, errors: list[str]) -> str:
    while True:
        event = await connection.receive()
        if isinstance(event, ErrorEvent):
            errors.append(str(event.error.code))
        elif event.type == "response.done":
            return "answered"


async def _speak(connection: Connection) -> None:
    for number in range(10):
        await connection.send(InputAudioBufferAppendEvent.from_audio((LOUD if number < 4 else QUIET) * 100))
        await asyncio.sleep(0.1)


async def heard_by_neighbour(memory: AppInMemory) -> list[tuple[str | None, int]]:
    """Another client of the server, which speaks at the same time: its events, with their milliseconds."""
    clock = asyncio.get_running_loop().time
    events: list[tuple[str | None, int]] = []
    async with memory.connect() as connection:
        began = clock()
        speaking = asyncio.ensure_future(_speak(connection))
        while not events or events[-1][0] != "response.done":
            event = await connection.receive()
            events.append((event.type, round((clock() - began) * 1000)))
        await speaking
    return events
