from __future__ import annotations

import asyncio

import pytest

from duologue.errors import MissingExtra
from duologue.server.calls.served_calls import ServedCalls
from duologue.server.rejections import Rejection
from duologue.transports.webrtc import stacks
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import PeerSettings, Stack
from tests.server.calls._calls import calling, closed, event


async def test_many_calls_leave_nothing() -> None:
    before = asyncio.all_tasks()
    async with calling() as caller:
        for _ in range(20):
            async with caller.call() as (peer, _):
                await event(peer, "session.created")
                assert len(caller.app.calls) >= 1
    assert caller.stack.n_open == 0
    assert asyncio.all_tasks() == before


async def test_ids_are_long_and_differ() -> None:
    calls = ServedCalls(stack=None, settings=None, webrtc=True)
    ids = {calls.new_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(call_id) for call_id in ids} == {36}


async def test_calls_that_are_left_end_with_the_application() -> None:
    async with calling() as caller:
        peers = [caller.new_peer() for _ in range(3)]
        for peer in peers:
            answer = await caller.post(offer=await peer.offer())
            await peer.connect(answer.text)
            await event(peer, "session.created")
    for peer in peers:
        assert await closed(peer) in (1000, 1001)


async def test_the_stack_is_loaded_once_at_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str | None] = []

    def load(name: str | None = None) -> Stack:
        loaded.append(name)
        return MemoryStack()

    monkeypatch.setattr(stacks, "load_stack", load)
    calls = ServedCalls(stack=None, settings=PeerSettings(), webrtc=True)
    assert await calls.loaded_stack(websocket="/") is await calls.loaded_stack(websocket="/")
    assert loaded == [None]


async def test_without_a_stack_the_rejection_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str | None = None) -> Stack:
        raise MissingExtra("wrtc", extra="webrtc")

    monkeypatch.setattr(stacks, "load_stack", load)
    with pytest.raises(Rejection, match="duologue\\[webrtc\\]"):
        await ServedCalls(stack=None, settings=None, webrtc=True).loaded_stack(websocket="/")


async def test_where_webrtc_is_off_the_rejection_names_the_websocket() -> None:
    with pytest.raises(Rejection, match="/v1/realtime"):
        await ServedCalls(stack=MemoryStack(), settings=None, webrtc=False).loaded_stack(websocket="/v1/realtime")
