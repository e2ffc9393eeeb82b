"""The tasks of a Live session: a fault in one of them ends the session, and all that waits."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from duologue import SessionLost
from duologue.client.asyncio.family_runner import FamilyRunner
from duologue.client.live.connection import LiveConnection
from duologue.codec import encode_live
from duologue.events.live import AnyLiveEvent, LiveEvent, LiveSession, LiveSessionConfig, LiveSessionStartedEvent
from duologue.notices import SessionEnded
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.live.client.options import LiveOptions
from duologue.protocol.states import LiveState
from duologue.testing import Expect, ScriptedServer, Stall
from duologue.transports import memory_pair
from tests.client._waiting import no_task_left
from tests.client.live._talking import START, read_to_the_end, talking

STARTED = encode_live(LiveSessionStartedEvent(session=LiveSession(id="live_1"))).decode()


async def lost(core: LiveCore) -> None:
    """Let the tasks run until the session is lost; the caller bounds the wait."""
    for _ in range(100_000):
        if core.state is LiveState.LOST:
            return
        await asyncio.sleep(0)


async def test_a_fault_of_the_library_ends_the_session_and_all_that_waits(caplog: pytest.LogCaptureFixture) -> None:
    def publish(event: LiveEvent | None) -> None:
        if event is not None:
            raise ZeroDivisionError("a fault")

    core = LiveCore(new_id=lambda kind: kind)
    near, far = memory_pair()
    runner: FamilyRunner[AnyLiveEvent, LiveEvent] = FamilyRunner(core, publish=publish, now=lambda: 0.0)
    async with no_task_left():
        runner.start(LiveConnection(near))
        core.start(LiveSessionConfig(model="m"), now=0.0)
        runner.wake()
        await runner.drain()
        await far.send(STARTED)
        await lost(core)
        await runner.stop()
    assert "the session broke" in caplog.text
    (ended,) = [notice for notice in core.take_notices() if isinstance(notice, SessionEnded)]
    assert "ZeroDivisionError" in ended.reason or "a fault" in ended.reason


async def test_a_server_that_takes_nothing_loses_the_session_instead_of_filling_memory() -> None:
    clock = count(0, 60)
    core = LiveCore(new_id=lambda kind: kind, options=LiveOptions(fill_silence=True))
    near, far = memory_pair(capacity=1)
    runner: FamilyRunner[AnyLiveEvent, LiveEvent] = FamilyRunner(
        core, publish=lambda event: None, now=lambda: float(next(clock))
    )
    async with no_task_left(), asyncio.timeout(5):
        runner.start(LiveConnection(near))
        core.start(LiveSessionConfig(model="m"), now=0.0)
        runner.wake()
        await far.send(STARTED)
        await lost(core)
        await runner.stop()
    assert core.n_unsent == 0
    (ended,) = [notice for notice in core.take_notices() if isinstance(notice, SessionEnded)]
    assert "the server takes nothing" in ended.reason


async def test_a_sender_waits_for_a_slow_server_and_can_be_cancelled() -> None:
    server = ScriptedServer([*START, Expect("session.thinking.append"), Stall()])
    async with no_task_left(), talking(server, options=LiveOptions(close_within_s=0.0)) as live:
        sending = [asyncio.create_task(live.append_thinking("x")) for _ in range(600)]
        async with asyncio.timeout(5):
            await server.played()
        _, waiting = await asyncio.wait(sending, timeout=0.01)
        assert waiting
        for task in waiting:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        assert live.core.n_unsent <= 1


async def test_what_cannot_be_written_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking(ScriptedServer([*START])) as live:
        monkeypatch.setattr(live._runner._connection, "_encode", lambda event: 1 // 0)
        await live.append_thinking("x")
        with pytest.raises(SessionLost, match="the session broke"):
            await read_to_the_end(live)
