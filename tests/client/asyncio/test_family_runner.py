"""The tasks of a session beside Realtime, with a translation's core."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.client.asyncio.family_runner import FamilyRunner
from duologue.client.limits import MAX_QUEUED_EVENTS
from duologue.client.translation.opening import connection_over
from duologue.events import AnyTranslationClientEvent, AnyTranslationEvent, TranslationSessionUpdate
from duologue.protocol.translation.client.core import TranslationCore
from duologue.protocol.translation.client.notices import TranslationEnded
from duologue.testing import CountedIds
from duologue.transports import MemoryTransport, memory_pair
from tests.client._waiting import no_task_left

CREATED = (
    '{"type":"session.created","event_id":"e","session":{"id":"s","type":"translation","model":"m","expires_at":1,'
    '"audio":{}}}'
)

Runner = FamilyRunner[AnyTranslationEvent, AnyTranslationClientEvent]


class Session:
    """A core and its runner; the test is the server."""

    def __init__(self, far: MemoryTransport, *, now: float | None = None) -> None:
        self.core = TranslationCore(new_id=CountedIds())
        self.server = far
        self.changed = asyncio.Event()
        self.fails = False
        self.runner = Runner(self.core, publish=self.publish, now=time.monotonic)

    def publish(self, event: AnyTranslationEvent | None) -> None:
        self.changed.set()
        if self.fails and event is not None:
            raise RuntimeError("a fault of the library")

    async def until_over(self) -> TranslationEnded:
        async with asyncio.timeout(5):
            while not self.core.is_over:
                self.changed.clear()
                await self.changed.wait()
        ended = self.core.take_notices()[-1]
        assert isinstance(ended, TranslationEnded)
        return ended


@asynccontextmanager
async def running() -> AsyncGenerator[Session, None]:
    before = asyncio.all_tasks()
    near, far = memory_pair()
    session = Session(far)
    session.runner.start(connection_over(near))
    await far.send(CREATED)
    async with asyncio.timeout(5):
        await session.changed.wait()
    try:
        yield session
    finally:
        await session.runner.stop()
    assert asyncio.all_tasks() == before


async def test_what_the_core_wants_sent_is_sent_in_its_order() -> None:
    async with running() as session:
        session.core.append(bytes(2))
        session.core.update(TranslationSessionUpdate())
        session.runner.wake()
        async with asyncio.timeout(5):
            await session.runner.drain()
            sent = [str(await session.server.receive()) for _ in range(2)]
    assert ["append" in sent[0], "session.update" in sent[1]] == [True, True]


async def test_a_lost_connection_ends_the_core() -> None:
    async with running() as session:
        await session.server.close(1011, "broken")
        ended = await session.until_over()
        assert (ended.finalised, session.runner.close_code) == (False, 1011)
        await session.runner.drain()  # nothing is waited for any more


async def test_an_announced_end_closes_the_connection() -> None:
    async with running() as session:
        session.core.close(now=time.monotonic())
        session.runner.wake()
        await session.server.send('{"type":"session.closed","event_id":"e"}')
        assert (await session.until_over()).finalised
        assert session.runner.closed is None


async def test_a_fault_of_the_library_ends_the_session(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as session:
        session.fails = True
        await session.server.send(CREATED)
        ended = await session.until_over()
    assert (ended.finalised, session.runner.close_code) == (False, 1011)
    assert "a fault of the library" in ended.reason
    assert "the session broke" in caplog.text


async def test_a_server_that_takes_nothing_is_given_up() -> None:
    async with running() as session:
        for _ in range(MAX_QUEUED_EVENTS + 1):  # nothing wakes the writer
            session.core.append(bytes(2))
        assert "takes nothing" in (await session.until_over()).reason


async def test_the_clock_ends_a_close_that_is_not_answered() -> None:
    async with running() as session:
        session.core.close(now=time.monotonic() - 1000)
        assert "in time" in (await session.until_over()).reason


async def test_a_transport_that_only_sends_no_more_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = memory_pair()

    async def broken(message: str | bytes) -> None:
        raise OSError("no route")

    async with no_task_left():
        session = Session(far)
        session.runner.start(connection_over(near))
        await far.send(CREATED)
        async with asyncio.timeout(5):
            await session.changed.wait()
        monkeypatch.setattr(near, "send", broken)
        session.core.append(bytes(2))
        session.runner.wake()
        assert not (await session.until_over()).finalised
        await session.runner.stop()
