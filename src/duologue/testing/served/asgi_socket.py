"""A WebSocket of an ASGI application in this process: its client's end is a transport in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlencode

from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.transports import MemoryTransport, memory_pair

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from duologue.transports.asgi import Scope

__all__ = ["ASGIApplication", "asgi_socket"]

ASGIApplication: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""Takes scope, receive and send."""

_END_S: Final = 5.0
"""How long an application may take to end when its client has gone."""


@asynccontextmanager
async def asgi_socket(
    app: ASGIApplication,
    *,
    path: str,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
) -> AsyncGenerator[MemoryTransport, None]:
    """The client's end of a new socket, for the length of a block. The application's lifespan is not run.

    Raises:
        ConnectFailed: the application refuses it.
        TimeoutError: it has not ended within five seconds behind the block.
    """
    ours, theirs = memory_pair()
    socket = _MemorySocket(theirs)
    scope: Scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode("ascii"),
        "root_path": "",
        "query_string": urlencode(query or {}).encode("ascii"),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": ("127.0.0.1", 1),
        "server": ("memory", None),
        "subprotocols": [*subprotocols],
        "extensions": {},
    }
    serving = asyncio.ensure_future(app(scope, socket.receive, socket.send))  # noqa: TID251 - ended below
    try:
        await _until_accepted(socket, serving)
        yield ours
    finally:
        await ours.close()
        await _end(serving)


class _MemorySocket:
    """The ASGI server's side of a WebSocket, whose peer is the other end of a pair in memory."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport
        self._connects = True
        self.accepted = asyncio.Event()
        self.refused: str | None = None

    async def receive(self) -> MutableMapping[str, Any]:
        if self._connects:
            self._connects = False
            return {"type": "websocket.connect"}
        try:
            message = await self._transport.receive()
        except ConnectionClosed as closed:
            return {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}
        return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        match message["type"]:
            case "websocket.accept":
                self.accepted.set()
            case "websocket.send":
                try:
                    text: str | None = message.get("text")
                    await self._transport.send(text if text is not None else message["bytes"])
                except ConnectionClosed as closed:
                    raise OSError("the client is gone") from closed
            case "websocket.close":
                self.refused = message.get("reason") or "no reason"
                await self._transport.close(message.get("code", 1000), message.get("reason") or "")
            case other:
                raise AssertionError(f"no message for a WebSocket in memory: {other}")


async def _until_accepted(socket: _MemorySocket, serving: asyncio.Future[None]) -> None:
    """Raise ConnectFailed if the application refuses the session, and what it raises."""
    accepted = asyncio.ensure_future(socket.accepted.wait())  # noqa: TID251 - cancelled below
    either: set[asyncio.Future[Any]] = {accepted, serving}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        accepted.cancel()
    if not socket.accepted.is_set():
        await serving
        raise ConnectFailed(f"the application refused the session: {socket.refused}", retryable=False)


async def _end(serving: asyncio.Future[None]) -> None:
    """Wait until the session has ended. Raises what the application raised."""
    try:
        async with asyncio.timeout(_END_S):
            await asyncio.shield(serving)
    except TimeoutError:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        raise
