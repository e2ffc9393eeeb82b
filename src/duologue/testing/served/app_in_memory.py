"""A `RealtimeApp` without a socket: a client's transport in memory, joined to the application's ASGI entry point."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.faults import FaultPlan
from duologue.faults.transport import faulty_opening
from duologue.inspection import CallView
from duologue.testing.served.call_tap import CallTap
from duologue.transports import MemoryTransport, Transport, memory_pair

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from duologue.client import Connection
    from duologue.server import RealtimeApp
    from duologue.transports.asgi import Scope

__all__ = ["AppInMemory"]

_END_S: Final = 5.0
"""How long a session may take to end when its client has gone."""


class AppInMemory:
    """The application, and clients of it in this process.

    async with converse(open_connection=memory.connect) as conversation: …
    async with memory.transport(model="m") as transport: …
    async with memory.listening() as url: …           over a socket, on this event loop
    memory.calls[-1]
    """

    def __init__(self, app: RealtimeApp, *, faults: FaultPlan | None = None) -> None:
        """`faults` come to each session on its way."""
        self.app = app
        self._plan = faults or FaultPlan()
        self.tap = CallTap.before(app)
        self._users = 0
        self._entering = asyncio.Lock()
        self._running: AbstractAsyncContextManager[None] = nullcontext()

    @property
    def calls(self) -> list[CallView]:
        """What the calls were so far, in the order in which they began. One that goes on is given as it is now."""
        return [call.view for call in self.tap.calls]

    @asynccontextmanager
    async def connect(self, *, model: str | None = None, **options: Any) -> AsyncGenerator[Connection, None]:
        """A session for the length of a block; `options` are those of `duologue.connect`.

        Raises:
            ConnectFailed: the application refuses it; the message has its reason.
        """
        from duologue.client import connect

        async with (
            self.transport(model=model) as transport,
            connect(transport=transport, model=model, **options) as connection,
        ):
            yield connection

    @asynccontextmanager
    async def transport(
        self,
        *,
        model: str | None = None,
        path: str = "/v1/realtime",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Transport, None]:
        """The client's end of a new session, for the length of a block. Raises ConnectFailed."""
        opening = partial(self._transport, model=model, path=path, query=query, headers=headers)
        async with faulty_opening(self._plan, opening) if self._plan.faults else opening() as transport:
            yield transport

    @asynccontextmanager
    async def _transport(
        self, *, model: str | None, path: str, query: Mapping[str, str] | None, headers: Mapping[str, str] | None
    ) -> AsyncGenerator[MemoryTransport, None]:
        named = {**({} if model is None else {"model": model}), **(query or {})}
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
            "query_string": urlencode(named).encode("ascii"),
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("127.0.0.1", 1),
            "server": ("memory", None),
            "subprotocols": [],
            "extensions": {},
        }
        async with self._app_running():
            serving = asyncio.ensure_future(self.tap(scope, socket.receive, socket.send))  # noqa: TID251 - ended below
            try:
                await _until_accepted(socket, serving)
                yield ours
            finally:
                await ours.close()
                await _end(serving)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[str, None]:
        """The same over a socket of this machine, on the running event loop; yields its URL."""
        from duologue.server.run.listener import listening

        async with listening(self.app, handler=self.tap) as url:
            if not self._plan.faults:
                yield url
                return
            from duologue.faults.proxy import chaos_proxy

            async with chaos_proxy(url, self._plan) as proxy_url:
                yield f"{proxy_url}/v1/realtime"

    @asynccontextmanager
    async def _app_running(self) -> AsyncGenerator[None, None]:
        """The engines are loaded while there is a client."""
        async with self._entering:
            if not self._users:
                self._running = self.app.running()
                await self._running.__aenter__()
            self._users += 1
        try:
            yield
        finally:
            async with self._entering:
                self._users -= 1
                if not self._users:
                    await self._running.__aexit__(None, None, None)


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
