"""Sidebands of calls with real sessions."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from duologue.clock import loop_time
from duologue.testing import scripted_engines
from duologue.transports import memory_pair
from tests.transports.webrtc._talking import (
    LONG_S,
    SENTENCE,
    Caller,
    calling,
    close_of,
    in_virtual_time,
    next_of,
)

STARTED, STOPPED, CLEARED = (f"output_audio_buffer.{what}" for what in ("started", "stopped", "cleared"))


def test_a_sideband_sees_the_call_and_changes_it() -> None:
    async def call() -> tuple[Caller, list[str]]:
        seen: list[str] = []
        async with calling(scripted_engines(responses=(SENTENCE,))) as caller, asyncio.TaskGroup() as tasks:
            await caller.update(instructions="one")
            ours, theirs = memory_pair()
            tasks.create_task(caller.call.attach(theirs))
            first = await next_of(ours, "session.created")
            assert first["session"]["instructions"] == "one"
            await ours.send('{"type":"session.update","session":{"type":"realtime","instructions":"two"}}')
            updated = await caller.until("session.updated")
            assert updated["session"]["instructions"] == "two"
            await caller.says()
            await caller.until(STARTED)
            await ours.send('{"type":"output_audio_buffer.clear"}')
            await caller.until(CLEARED)
            while not seen or seen[-1] != CLEARED:
                seen.append(msgspec.json.decode(await ours.receive())["type"])
            assert caller.call.n_sidebands == 1
            await ours.close()
            await asyncio.sleep(0.1)
            assert caller.call.n_sidebands == 0
            await caller.update(instructions="three")
        return caller, seen

    caller, seen = in_virtual_time(call)
    assert {STARTED, "response.output_audio_transcript.delta"} <= set(seen)
    assert "response.output_audio.delta" not in seen
    assert caller.types()[-1] == "session.updated"


def test_a_binary_message_is_answered_by_the_session() -> None:
    async def call() -> dict[str, Any]:
        async with calling() as caller, asyncio.TaskGroup() as tasks:
            ours, theirs = memory_pair()
            tasks.create_task(caller.call.attach(theirs))
            await ours.send(b"\0")
            error = await next_of(ours, "error")
            await ours.close()
        return error

    assert "binary" in in_virtual_time(call)["error"]["message"]


class _DeadTransport:
    """Takes what a socket's buffers take, and then nothing; nothing comes from it."""

    def __init__(self, takes: int) -> None:
        self._takes = takes
        self.closed: int | None = None

    async def send(self, message: str | bytes, /) -> None:
        self._takes -= 1
        if self._takes < 0:
            await asyncio.Event().wait()

    async def receive(self) -> str | bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = code


def test_a_dead_sideband_is_cut_and_never_stalls_the_call() -> None:
    async def call() -> tuple[Caller, _DeadTransport, float]:
        async with calling(scripted_engines(responses=(SENTENCE,))) as caller, asyncio.TaskGroup() as tasks:
            dead = _DeadTransport(takes=3)
            attached = tasks.create_task(caller.call.attach(dead))
            await caller.says()
            await caller.until(STOPPED)
            await attached
            cut_at = loop_time()
            await caller.update(instructions="one")
        return caller, dead, cut_at

    caller, dead, cut_at = in_virtual_time(call)
    assert dead.closed == 1008
    assert cut_at - caller.came_at[1] == pytest.approx(5, abs=1)
    assert len(caller.heard_at) == round(LONG_S * 50)


def test_a_slow_sideband_is_cut_when_too_much_waits() -> None:
    async def call() -> int | None:
        async with calling() as caller, asyncio.TaskGroup() as tasks:
            slow = _DeadTransport(takes=0)
            attached = tasks.create_task(caller.call.attach(slow))
            await caller.says()
            committed = await caller.until("input_audio_buffer.committed")
            for _ in range(200):
                await caller.send("conversation.item.retrieve", item_id=committed["item_id"])
                await caller.until("conversation.item.retrieved")
            await attached
        return slow.closed

    assert in_virtual_time(call) == 1008


@pytest.mark.parametrize("how", ["close", "vanish"])
def test_sidebands_end_with_the_call(how: str) -> None:
    async def call() -> int:
        ours, theirs = memory_pair()
        async with calling() as caller, asyncio.TaskGroup() as tasks:
            tasks.create_task(caller.call.attach(theirs))
            await next_of(ours, "session.created")
            if how == "close":
                await caller.peer.close()
            else:
                caller.peer.vanish()
            return await close_of(ours)

    assert in_virtual_time(call) == 1000


def test_a_sideband_of_a_call_that_is_over_is_closed() -> None:
    async def call() -> int:
        ours, theirs = memory_pair()
        async with calling() as caller:
            await caller.peer.close()
            await caller.ended()
            await asyncio.sleep(1)
            await caller.call.attach(theirs)
            return await close_of(ours)

    assert in_virtual_time(call) == 1000


def test_a_sideband_that_is_cancelled_leaves_the_call() -> None:
    async def call() -> int:
        ours, theirs = memory_pair()
        async with calling() as caller, asyncio.TaskGroup() as tasks:
            attached = tasks.create_task(caller.call.attach(theirs))
            await next_of(ours, "session.created")
            attached.cancel()
            code = await close_of(ours)
            await caller.update(instructions="one")
            return code

    assert in_virtual_time(call) == 1001
