"""Runs the application under uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from duologue.errors import DuologueError, MissingExtra
from duologue.server.app import RealtimeApp
from duologue.server.run.process import glibc

if TYPE_CHECKING:
    from duologue.server.run.acceptor import Acceptor
    from duologue.server.run.connections import Connections, EdgeConfig
    from duologue.server.run.uvicorn_server import Server

__all__ = ["run_server", "serve"]

_TRIM_S: Final = 3.0
"""Between two checks whether connections have ended. glibc keeps the memory of many messages until `malloc_trim`."""

_TRIMS: Final = 3
"""Trims after a connection has ended: a call of an engine may outlast it, and holds its audio."""


async def serve(
    application: RealtimeApp,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    tls: SSLContext | None = None,
    bound: socket.socket | None = None,
    on_listening: Callable[[str], None],
) -> None:
    """Serve until cancelled, or until a client with a key asks for the end (`RealtimeApp.request_drain`). Then sessions
    are drained (`RealtimeApp.drain`); cancelled again, they end at once.

    With `bound`, a socket that has its address already (see `duologue.server.run.listening_socket`), this one is used
    in place of `host` and `port`. When the drain begins it is closed: a successor has it too, and takes what comes.

    Signals are left to the caller: under `asyncio.run`, Ctrl-C cancels. `port` 0 picks a free port. With `tls` (see
    `tls_context`) clients connect by `wss`. `on_listening` is called with the URL once clients can connect.

    Raises:
        DuologueError: the server cannot listen on the address.
        EngineError: an engine does not load.
        MissingExtra: uvicorn, or what an engine needs, is not installed.
    """
    try:
        from duologue.server.run.acceptor import Acceptor
        from duologue.server.run.edge import edge_config
        from duologue.server.run.listening_socket import bind, url_of
    except ImportError as fault:
        raise MissingExtra("uvicorn", extra="server") from fault
    listening = bind(host, port) if bound is None else bound
    config = edge_config(application)

    def started() -> None:
        on_listening(url_of(listening, tls=tls is not None))

    try:
        async with application.running():
            await run_server(application, config, listening, Acceptor, tls, started, releases=bound is not None)
    finally:
        listening.close()


async def run_server(
    application: RealtimeApp,
    config: EdgeConfig,
    source: socket.socket,
    acceptor: type[Acceptor],
    tls: SSLContext | None,
    on_started: Callable[[], None],
    *,
    releases: bool = False,
) -> None:
    """Serve connections that an acceptor of this class takes from a socket, as `serve` does. The application is
    running. With `releases` the socket is closed when the drain begins."""
    from duologue.server.run.uvicorn_server import Server

    server = Server(config, acceptor, tls)
    trimming = asyncio.ensure_future(_trim_memory(config.edge))  # noqa: TID251
    try:
        await _run(application, server, source, on_started, releases=releases)
    finally:
        trimming.cancel()


async def _trim_memory(edge: Connections) -> None:
    """Return free memory to the system after connections have ended; does nothing without glibc."""
    if (libc := glibc()) is None:
        return
    gone, rounds = edge.gone, 0
    while True:
        await asyncio.sleep(_TRIM_S)
        if edge.gone != gone:
            gone, rounds = edge.gone, _TRIMS
        if rounds:
            rounds -= 1
            await asyncio.to_thread(libc.malloc_trim, 0)


async def _run(
    application: RealtimeApp,
    server: Server,
    source: socket.socket,
    on_started: Callable[[], None],
    *,
    releases: bool,
) -> None:
    """Serve what comes from this socket. Cancelled, it drains the sessions first."""
    from duologue.server.run.acceptor import Acceptor

    # Not in a TaskGroup, which would cancel the server before sessions are drained.
    running = asyncio.ensure_future(server.serve(sockets=[source]))  # noqa: TID251
    asked = asyncio.ensure_future(application.drain_requested.wait())  # noqa: TID251

    async def drain() -> None:
        try:
            if releases:
                for each in server.servers:
                    each.release() if isinstance(each, Acceptor) else each.close()
            await application.drain()
        finally:
            server.end()
            await running

    try:
        await _until_started(server, running)
        on_started()
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await drain()
        raise
    finally:
        asked.cancel()
    await drain()


async def _until_started(server: Server, running: asyncio.Future[None]) -> None:
    """Wait until the server accepts connections. Raises DuologueError if it ends before."""
    while not server.started:
        if running.done():
            await running
            raise DuologueError("the server did not start; its log says why")
        await asyncio.sleep(0.01)
