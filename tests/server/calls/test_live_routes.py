"""Live sessions over WebRTC, with peers in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.server import LiveRequest, SessionStart, Upstream
from duologue.testing import scripted_engines
from duologue.transports import Transport
from duologue.transports.webrtc.memory import MemoryPeer
from tests.server._engines import LOUD, QUIET
from tests.server.calls._calls import Caller, calling, closed, error_of, event

LIVE = "/v1/live/sessions"
KEY = {"Authorization": "Bearer sesame"}


async def post(
    caller: Caller, peer: MemoryPeer, path: str = LIVE, *, headers: Any = None, **session: Any
) -> httpx.Response:
    body = {"session": session, "transport": {"type": "webrtc", "sdp": await peer.offer()}}
    return await caller.http.post(path, json=body, headers=headers)


@asynccontextmanager
async def talking(caller: Caller, path: str = LIVE, **session: Any) -> AsyncGenerator[tuple[MemoryPeer, str]]:
    """A session that has started, and its id."""
    peer = caller.new_peer()
    answer = await post(caller, peer, path, **session)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    await peer.connect(told["transport"]["sdp"])
    try:
        yield peer, told["session"]["id"]
    finally:
        await peer.close()


async def test_the_channel_begins_with_the_session_that_the_answer_names() -> None:
    async with calling() as caller, talking(caller, model="gpt-live-1", instructions="Hum.") as (peer, session_id):
        started = json.loads(await peer.receive())
        assert started["type"] == "session.started"
        assert (started["session"]["id"], started["session"]["instructions"]) == (session_id, "Hum.")


@pytest.mark.usefixtures("idle_clock")
async def test_what_is_said_is_heard_and_answered_on_the_track() -> None:
    engines = scripted_engines(transcripts=("A question.",), responses=("Two words.",))
    async with calling(engines=engines) as caller, talking(caller, model="gpt-live-1") as (peer, _):
        await event(peer, "session.started")
        for frame in (*[LOUD * 20] * 25, *[QUIET * 20] * 150):
            peer.play(frame)
        await event(peer, "session.input_transcript.delta")
        await event(peer, "session.output_transcript.delta")
        heard = [await peer.hear() for _ in range(20)]
        assert any(any(frame) for frame in heard)
        await peer.send('{"type":"session.close"}')
        await event(peer, "session.closed")
        assert await closed(peer) == 1000


@pytest.mark.parametrize(
    ("session", "code", "status"),
    [
        ({"model": "gpt-live-1", "bogus": 1}, "unknown_parameter", 400),
        ({}, "missing_required_parameter", 400),
        ({"model": "gpt-realtime"}, "invalid_model", 400),
    ],
)
async def test_settings_that_the_session_refuses_are_the_answer(session: Any, code: str, status: int) -> None:
    async with calling() as caller:
        assert error_of(await post(caller, caller.new_peer(), **session)) == (status, code)
        assert not len(caller.app.calls)


async def test_what_is_refused_before_the_session_is_a_status() -> None:
    async with calling(api_key="sesame") as caller:
        assert error_of(await post(caller, caller.new_peer(), model="m")) == (401, None)
        assert error_of(await caller.http.post(LIVE, content=b"{", headers=KEY)) == (400, "invalid_json")
        bad = {"session": {"model": "m"}, "transport": {"type": "webrtc", "sdp": "v=0"}}
        assert error_of(await caller.http.post(LIVE, json=bad, headers=KEY)) == (400, "invalid_offer")
    async with calling(webrtc=False) as caller:
        assert error_of(await post(caller, caller.new_peer(), model="m")) == (501, "not_supported")


async def test_a_stored_session_is_forked() -> None:
    async with calling() as caller:
        async with talking(caller, model="gpt-live-1", store=True) as (peer, session_id):
            await event(peer, "session.started")
            await peer.send('{"type":"session.close"}')
            await event(peer, "session.closed")
            await closed(peer)
        async with talking(caller, f"{LIVE}/{session_id}/fork") as (peer, forked_id):
            assert (await event(peer, "session.started"))["session"]["id"] == forked_id != session_id
        unknown = await post(caller, caller.new_peer(), f"{LIVE}/live_1/fork")
        assert error_of(unknown) == (404, "session_not_found")


async def test_an_upstream_without_the_session_is_a_status() -> None:
    async def open_upstream(_: SessionStart) -> Transport:
        raise AssertionError("a Live session is wanted")

    async def open_live(_: LiveRequest) -> Transport:
        raise ConnectFailed("no", retryable=False)

    async with calling(upstream=Upstream(open=open_upstream, open_live=open_live)) as caller:
        assert error_of(await post(caller, caller.new_peer(), model="m")) == (502, "upstream_unavailable")
    async with calling(upstream=Upstream(open=open_upstream)) as caller:
        assert error_of(await post(caller, caller.new_peer(), model="m")) == (501, "not_supported")


async def test_the_client_s_end_is_the_session_s() -> None:
    async with calling() as caller, talking(caller, model="gpt-live-1") as (peer, _):
        await event(peer, "session.started")
        await peer.close()
        with pytest.raises(ConnectionClosed):
            await peer.receive()
