"""An application in this process, and peers in memory that call it over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from duologue.errors import ConnectionClosed
from duologue.server import RealtimeApp
from duologue.transports.webrtc.memory import MemoryPeer, MemoryStack
from duologue.transports.webrtc.peer import Peer, PeerSettings
from tests.server._listening import scripted_app

CALLS = "/v1/realtime/calls"
SDP = {"content-type": "application/sdp"}


class Caller:
    """A client of an application, with its own peers."""

    def __init__(self, app: RealtimeApp, stack: MemoryStack, http: httpx.AsyncClient) -> None:
        self.app = app
        self.stack = stack
        self.http = http
        self._peers: list[MemoryPeer] = []

    async def post(
        self, path: str = CALLS, *, offer: str | None = None, headers: Mapping[str, str] | None = None, **query: str
    ) -> httpx.Response:
        """Post a bare offer, by default one that can be answered."""
        offer = offer if offer is not None else await self.new_peer().offer()
        return await self.http.post(path, content=offer, headers={**SDP, **(headers or {})}, params=query)

    def new_peer(self) -> MemoryPeer:
        self._peers.append(self.stack.new_peer(PeerSettings()))
        return self._peers[-1]

    async def close(self) -> None:
        """Close all its peers."""
        for peer in self._peers:
            await peer.close()

    @asynccontextmanager
    async def call(
        self, path: str = CALLS, *, session: Any = None, headers: Mapping[str, str] | None = None, **query: str
    ) -> AsyncGenerator[tuple[MemoryPeer, str], None]:
        """A call that is connected, and its id."""
        peer = self.new_peer()
        offer = await peer.offer()
        if session is None:
            answer = await self.post(path, offer=offer, headers=headers, **query)
        else:
            files = {"sdp": (None, offer), "session": (None, json.dumps(session))}
            answer = await self.http.post(path, files=files, headers=headers, params=query)
        assert answer.status_code == 201, answer.text
        try:
            async with asyncio.timeout(10):
                await peer.connect(answer.text)
                yield peer, answer.headers["location"].rpartition("/")[2]
        finally:
            await peer.close()


@asynccontextmanager
async def calling(*, n_ports: int | None = None, **settings: Any) -> AsyncGenerator[Caller]:
    """A client of a running application, whose calls must all be over when it stops."""
    stack = MemoryStack(n_ports=n_ports)
    app = scripted_app(stack=stack, **settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http, app.running():
        caller = Caller(app, stack, http)
        yield caller
        await caller.close()
        await asyncio.wait_for(app.drain(within_s=0), 5)
    assert not len(app.calls)
    assert not stack.n_open
    assert not app.sessions_open


async def event(peer: Peer, kind: str) -> dict[str, Any]:
    """The next event of this type on the data channel."""
    async with asyncio.timeout(5):
        while True:
            received = json.loads(await peer.receive())
            if received["type"] == kind:
                return dict(received)


async def closed(peer: Peer) -> int:
    """The code with which the call ends, after all its events."""
    async with asyncio.timeout(5):
        try:
            while True:
                await peer.receive()
        except ConnectionClosed as end:
            return end.code


def error_of(answer: httpx.Response) -> tuple[int, str | None]:
    """The status and the code of an answer that is an error."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code, error["code"]
