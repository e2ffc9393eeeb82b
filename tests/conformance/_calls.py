"""Our server with calls over peers in memory, correct or with faults: of its events, its sound, and its answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from duologue.client.endpoint import Endpoint
from duologue.conformance import CallOpener, Settings, run
from duologue.server import RealtimeApp
from duologue.testing.engines import scripted_app_engines
from duologue.transports.asgi import ADMISSION
from duologue.transports.webrtc.memory import MemoryPeer, MemoryStack
from duologue.transports.webrtc.peer import PeerSettings
from duologue.transports.webrtc.sdp import checked_offer
from tests._uvicorn import under_uvicorn
from tests.conformance._servers import Change, engines

HASTY = Settings(timeout=2, pace=0, has_key=True)
KEY = "sesame"

_OF_SERVERS = "a=msid:stream track\r\na=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\n"
"""What the answers of a stack with a network have."""

Answered = Callable[[int, dict[str, str], bytes], tuple[int, dict[str, str], bytes]]
"""Changes an HTTP answer: status, headers, body."""


class ServersPeer:
    """A peer of the server's, whose events and sound are changed."""

    def __init__(self, peer: MemoryPeer, change: Change, *, mute: bool, lines: str) -> None:
        self._peer, self._change, self._mute, self._lines = peer, change, mute, lines
        self.offer, self.connect, self.receive, self.hear = peer.offer, peer.connect, peer.receive, peer.hear
        self.close, self.figures = peer.close, peer.figures

    @property
    def max_message_bytes(self) -> int:
        return self._peer.max_message_bytes

    async def answer(self, offer: str, /) -> str:
        return await self._peer.answer(checked_offer(offer)) + self._lines

    async def send(self, message: str, /) -> None:
        for each in self._change(msgspec.json.decode(message)):
            await self._peer.send(msgspec.json.encode(each).decode())

    def play(self, frame: bytes, /) -> None:
        self._peer.play(bytes(len(frame)) if self._mute else frame)


class ServersStack:
    """Makes the peers of the server."""

    name = "memory"

    def __init__(self, stack: MemoryStack, change: Change, *, mute: bool, lines: str) -> None:
        self._stack, self._change, self._mute, self._lines = stack, change, mute, lines

    def new_peer(self, settings: PeerSettings, /) -> ServersPeer:
        return ServersPeer(self._stack.new_peer(settings), self._change, mute=self._mute, lines=self._lines)


@asynccontextmanager
async def calling(
    change: Change | None = None,
    *,
    answered: Answered | None = None,
    mute: bool = False,
    lines: str = _OF_SERVERS,
) -> AsyncGenerator[CallOpener, None]:
    """What creates calls at our server, for the length of a block."""
    stack = MemoryStack()
    peers = ServersStack(stack, change or (lambda event: (event,)), mute=mute, lines=lines)
    app = RealtimeApp(engines=scripted_app_engines(engines()), api_key=KEY, stack=peers)
    async with under_uvicorn(changing(app, answered or (lambda *answer: answer))) as port:
        place = Endpoint(url=f"http://127.0.0.1:{port}/v1/realtime/calls", api_key=KEY)
        yield CallOpener(place, stack=stack)


def changing(app: RealtimeApp, answered: Answered) -> Callable[..., Awaitable[None]]:
    """The application with other answers to HTTP requests. WebSockets are refused as under `duologue serve`."""

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":

            async def without_admission(message: Any) -> None:
                if message["type"] != ADMISSION:
                    await send(message)

            scope["extensions"][ADMISSION] = {}
            await app(scope, receive, without_admission)
            return
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        body = b""

        async def take(message: Any) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            headers = {name.decode(): value.decode() for name, value in start["headers"]}
            status, new_headers, new_body = answered(start["status"], headers, body)
            new_headers["content-length"] = str(len(new_body))
            encoded = [(name.encode(), value.encode()) for name, value in new_headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": encoded})
            await send({"type": "http.response.body", "body": new_body})

        await app(scope, receive, take)

    return changed


async def failed_over_calls(
    change: Change | None = None, *only: str, settings: Settings = HASTY, **faults: Any
) -> set[str]:
    """The rules that fail with these faults; the scenarios of the rules in `only` run."""
    async with calling(change, **faults) as opener:
        report = await run(opener, only=only, settings=settings)
    return {rule_id for rule_id, finding in report.found.items() if finding.outcome == "failed"}
