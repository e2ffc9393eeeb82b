"""A server on a free port of this machine for the length of a block, on the loop of its caller: for tests.

`serve` is for good: at its end sessions have 0.1 s to close, and connections as long again. A test that
starts a server of its own would take 0.2 s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from duologue.errors import MissingExtra
from duologue.server.app import RealtimeApp
from duologue.server.http.paths import PATH

if TYPE_CHECKING:
    from uvicorn.server import ServerState

__all__ = ["listening"]

_CLOSE_S: Final = 1.0
"""How long connections may take to close at the end: they are on the same machine."""


@asynccontextmanager
async def listening(application: RealtimeApp, *, handler: Any = None) -> AsyncGenerator[str, None]:
    """Serve; yields the URL of sessions. At the end of the block open sessions are closed with 1001.

    `handler` is an ASGI application that stands in front of this one.

    Raises:
        EngineError: an engine does not load.
        MissingExtra: uvicorn, or what an engine needs, is not installed.
    """
    try:
        from uvicorn.server import ServerState

        from duologue.server.run.edge import edge_config
        from duologue.server.run.listening_socket import bind
    except ImportError as fault:
        raise MissingExtra("uvicorn", extra="server") from fault
    config, state = edge_config(application, handler=handler), ServerState()
    config.load()

    def make() -> asyncio.Protocol:
        return config.http_protocol_class(config, state, {})  # type: ignore[call-arg]

    async with application.running():
        bound = bind("127.0.0.1", 0)
        server = await asyncio.get_running_loop().create_server(make, sock=bound, backlog=config.backlog)
        try:
            yield f"ws://127.0.0.1:{bound.getsockname()[1]}{PATH}"
        finally:
            server.close()
            if application.sessions_open:
                await application.drain(within_s=0)
            await _close(state)


async def _close(state: ServerState) -> None:
    """Close all connections, and wait until they are."""
    for connection in list(state.connections):
        connection.shutdown()
    try:
        async with asyncio.timeout(_CLOSE_S):
            while state.connections:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.001)
    except TimeoutError:
        for connection in list(state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
