"""A `RealtimeApp` without a socket: a client's transport in memory, joined to the application's ASGI entry point."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from duologue.faults import FaultPlan
from duologue.faults.transport import faulty_opening
from duologue.inspection import CallView
from duologue.testing.served.asgi_socket import asgi_socket
from duologue.testing.served.call_tap import CallTap
from duologue.transports import MemoryTransport, Transport

if TYPE_CHECKING:
    from duologue.client import Connection
    from duologue.server import RealtimeApp

__all__ = ["AppInMemory"]


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
        self.tap: CallTap = CallTap.before(app)
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
        async with self._app_running(), asgi_socket(self.tap, path=path, query=named, headers=headers) as transport:
            yield transport

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
