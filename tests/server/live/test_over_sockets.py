"""Live over real sockets: a session, its sidebands and its forks, a relay in between, and the end of the server."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect

from duologue.client import Endpoint
from duologue.client.live.urls import attach_url, fork_url, primary_url
from duologue.server import LiveRequest, RealtimeApp, SessionStart, Upstream
from duologue.testing import scripted_engines
from duologue.transports import Transport
from duologue.transports.websocket import open_websocket
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening, scripted_app

pytestmark = pytest.mark.timeout(30)


def answering(*lines: str) -> RealtimeApp:
    """A server that says these lines."""
    return scripted_app(scripted_engines(transcripts=["hello"], responses=lines))


async def send(socket: ClientConnection, name: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": name, **fields}))


async def until(socket: ClientConnection, name: str) -> list[dict[str, Any]]:
    """Events up to the first of this type."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not events or events[-1]["type"] != name:
            events.append(json.loads(await socket.recv()))
    return events


async def exchange(socket: ClientConnection) -> list[dict[str, Any]]:
    """Say something, and listen to the answer's first words."""

    async def microphone() -> None:
        for sound in (LOUD,) * 3 + (QUIET,) * 60:
            await send(socket, "session.input_audio.append", audio=base64.b64encode(sound * 100).decode())
            await asyncio.sleep(0.1)

    speaking = asyncio.ensure_future(microphone())
    try:
        return await until(socket, "session.output_transcript.delta")
    finally:
        speaking.cancel()


@asynccontextmanager
async def relaying(url: str) -> AsyncGenerator[str]:
    """A relay in front of the server at this URL."""

    async def open_live(wanted: LiveRequest) -> Transport:
        base = url.removesuffix("/realtime")
        match wanted.verb:
            case "start":
                return await open_websocket(primary_url(base))
            case "attach":
                return await open_websocket(attach_url(base, wanted.session_id))
            case "fork":
                return await open_websocket(fork_url(base, wanted.session_id))

    async def open_realtime(start: SessionStart) -> Transport:
        from duologue.client.asyncio.connect import open_endpoint

        return await open_endpoint(Endpoint(url=url, model=start.model))

    async with listening(RealtimeApp(upstream=Upstream(open=open_realtime, open_live=open_live))) as relay:
        yield relay


@asynccontextmanager
async def place(relayed: bool) -> AsyncGenerator[str]:
    """The Live path of a server, or of a relay in front of it."""
    async with listening(answering("Fine.", "As before.")) as url:
        if not relayed:
            yield url.replace("/realtime", "/live/sessions")
            return
        async with relaying(url) as relay:
            yield relay.replace("/realtime", "/live/sessions")


@pytest.mark.parametrize("relayed", [False, True], ids=["direct", "relayed"])
async def test_a_session_with_a_sideband_is_closed_stored_and_forked(relayed: bool) -> None:
    async with place(relayed) as url:
        async with websockets_connect(url) as primary:
            await send(primary, "session.start", session={"model": "gpt-live-1", "store": True})
            [started] = await until(primary, "session.started")
            session_id = started["session"]["id"]
            async with websockets_connect(f"{url}/{session_id}/attach?graceful_close=true") as sideband:
                await until(sideband, "session.started")
                said = (await exchange(primary))[-1]["delta"]
                assert said.strip() == "Fine."
                assert (await until(sideband, "session.output_transcript.delta"))[-1]["delta"] == said
                await send(sideband, "session.close", event_id="bye")
                assert (await until(sideband, "session.closed"))[-1]["client_event_id"] == "bye"
                await until(primary, "session.closed")
                for socket in (primary, sideband):
                    await asyncio.wait_for(socket.wait_closed(), 5)
                    assert socket.close_code == 1000
        async with websockets_connect(f"{url}/{session_id}/fork") as fork:
            await send(fork, "session.start", session={})
            [again] = await until(fork, "session.started")
            assert again["session"]["id"] != session_id
            assert (await exchange(fork))[-1]["delta"].strip() == "As before."


async def test_a_server_that_stops_finishes_its_live_sessions_first() -> None:
    app = answering("Fine.")
    async with listening(app) as url, websockets_connect(url.replace("/realtime", "/live/sessions")) as socket:
        await send(socket, "session.start", session={"model": "gpt-live-1"})
        await until(socket, "session.started")
        await exchange(socket)
        draining = asyncio.ensure_future(app.drain())
        closed = (await until(socket, "session.closed"))[-1]
        await asyncio.wait_for(socket.wait_closed(), 5)
        await asyncio.wait_for(draining, 5)
    assert closed["usage"]["seconds"] > 0
    assert socket.close_code == 1001
